"""Pages of runs and artifacts: what they show, to whom, and what they change."""

from __future__ import annotations

import json
import shutil
import uuid

import pytest
from django.conf import settings
from django.test import Client

from tests.webapp.training.trainings import make_version, person
from webapp.accounts.models import Role
from webapp.jobs.models import Job, JobState
from webapp.training.models import Artifact, RunEvent, TrainingRun
from webapp.training.services import artifact_place, register_artifact, start_training

STARTERS = settings.ROOT / "modeling" / "starters"
RUNS, ARTIFACTS = "/admin/training/trainingrun/", "/admin/training/artifact/"


@pytest.fixture
def artifact(trainer_user) -> Artifact:
    """An own one with an evaluation of four rows."""
    pk = uuid.uuid4()
    shutil.copytree(STARTERS / "spam", artifact_place(pk))
    made = register_artifact(path=artifact_place(pk), owner=trainer_user, origin="upload", name="Mine", pk=pk)
    made.report = {
        "task": "classification", "rows": 4, "metrics": {"accuracy": 0.75}, "intervals": {"accuracy": [0.25, 1.0]},
        "confusion": {"labels": ["ham", "spam"], "matrix": [[2, 1], [0, 1]]}, "worst": [2], "best": [0],
        "calibration": {"bins": [{"from": 0.5, "to": 1.0, "rows": 4, "confidence": 0.9, "accuracy": 0.75}],
                        "error": 0.15},
    }
    made.save()
    made.evaluation_folder.mkdir(parents=True)
    lines = [("at <b>home</b>", "ham", "ham"), ("later", "ham", "ham"), ("hi", "ham", "spam"), ("win", "spam", "spam")]
    (made.evaluation_folder / "predictions.jsonl").write_text("".join(json.dumps({
        "index": index, "input": text, "expected": right, "output": found, "score": float(right == found),
        "confidence": 0.9}) + "\n" for index, (text, right, found) in enumerate(lines)))
    return made


def told(run: TrainingRun, kind: str, step: int, **data: object) -> None:
    RunEvent.objects.create(run=run, attempt=1, kind=kind, step=step, data={"step": step, **data})


def test_rows_that_are_not_shown_are_not_taken_apart(browser, artifact, monkeypatch):
    with (artifact.evaluation_folder / "predictions.jsonl").open("a") as file:
        file.write("as if there were a million more\n" * 200)
    page = browser.get(f"{ARTIFACTS}{artifact.pk}/change/")
    assert page.status_code == 200 and "at &lt;b&gt;home" in page.text
    monkeypatch.setattr("webapp.training.reports.PAGE", 3)
    rows = browser.get(f"{ARTIFACTS}{artifact.pk}/rows/")
    assert rows.status_code == 200 and "later" in rows.text


def test_a_full_disk_packs_no_zip(browser, artifact, monkeypatch):
    monkeypatch.setattr("webapp.datasets.uploads.RESERVE", 2**60)
    answer = browser.get(f"{ARTIFACTS}{artifact.pk}/download/", follow=True)
    assert "disk is too full" in answer.text


def test_an_endless_card_is_shown_as_far_as_one_can_be_written(browser, artifact):
    Artifact.objects.update(card="word " * 200_000)
    assert browser.get(f"{ARTIFACTS}{artifact.pk}/change/").text.count("word ") <= 20_000 + 10


def test_a_run_shows_where_it_stands(browser, run, version, trainer_user):
    second = start_training(owner=trainer_user, version=version, task="classification", model="lstm")
    told(run, "step", 5, steps=10, loss=0.5, learning_rate=0.001, tokens_per_second=900)
    told(run, "evaluation", 5, loss=0.4, accuracy=0.9)
    told(run, "samples", 5, items=[{"input": "<script>x</script>", "output": "ham", "expected": "ham"}])
    told(run, "log", 1, event="resumed")
    Job.objects.filter(pk=run.job.pk).update(state=JobState.RUNNING, progress=0.5, seconds_left=200, attempt=2)
    html = browser.get(f"{RUNS}{run.pk}/change/").content.decode()
    for wanted in ("running", "50 %", "3 min left", "attempt 2", "validation", "Went on from step", "&lt;script&gt;x"):
        assert wanted in html, wanted
    assert "<script>x" not in html
    waiting = browser.get(f"{RUNS}{second.pk}/change/").content.decode()
    assert "1 job comes before it." in waiting


def test_a_failed_run_says_why_and_can_go_on(browser, run):
    Job.objects.filter(pk=run.job.pk).update(state=JobState.FAILED, error="the loss became nan at step 3")
    html = browser.get(f"{RUNS}{run.pk}/change/").content.decode()
    assert "the loss became nan" in html
    browser.post(f"{RUNS}{run.pk}/resume/do/")
    assert Job.objects.get(pk=run.job.pk).state == JobState.QUEUED


def test_buttons_change_the_job_and_refuse_what_makes_no_sense(browser, run):
    browser.post(f"{RUNS}{run.pk}/pause/do/")
    assert Job.objects.get().state == JobState.PAUSED
    told_off = browser.post(f"{RUNS}{run.pk}/stop/do/", follow=True).content.decode()
    assert "This training is not running" in told_off
    browser.post(f"{RUNS}{run.pk}/cancel/do/")
    assert Job.objects.get().state == JobState.CANCELLED
    assert browser.get(f"{RUNS}{run.pk}/cancel/do/").status_code == 405
    assert browser.post(f"{RUNS}{run.pk}/explode/do/").status_code == 404
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(run.owner)
    assert strict.post(f"{RUNS}{run.pk}/resume/do/").status_code == 403


def test_runs_are_laid_over_one_another(browser, version, trainer_user):
    runs = [start_training(owner=trainer_user, version=version, task="classification", model="lstm",
                           settings={"hidden": size}, name=f"hidden {size}") for size in (16, 32)]
    for run in runs:
        for step in (1, 2):
            told(run, "step", step, loss=1 / step)
    chosen = browser.post(RUNS, {"action": "compare", "_selected_action": [str(run.pk) for run in runs]})
    html = browser.get(chosen.url).content.decode()
    assert html.count("<polyline") == 2 and "Loss in training" in html
    table = html.split("Differences")[1].split("</table>")[0]
    assert ">16<" in table and ">32<" in table and "Epochs" not in table


def test_only_runs_for_the_same_job_share_axes(browser, run, trainer_user):
    poems = make_version(trainer_user, name="Poems", task="generation")
    other = start_training(owner=trainer_user, version=poems, task="generation", model="decoder")
    html = browser.get(f"{RUNS}compare/", {"run": [str(run.pk), str(other.pk)]}).content.decode()
    assert "Left out" in html and "Poems v1" in html.split("Left out")[1].split("</p>")[0]


def test_runs_without_a_name_can_be_told_apart(version, trainer_user):
    names = [start_training(owner=trainer_user, version=version, task="classification", model="lstm").name
             for _ in range(3)]
    assert names == ["Messages v1", "Messages v1, 2", "Messages v1, 3"]


def test_comparing_skips_what_is_not_mine(browser, run):
    stranger = person("stranger")
    theirs = start_training(owner=stranger, version=make_version(stranger), task="classification", model="lstm",
                            name="Secret run")
    html = browser.get(f"{RUNS}compare/", {"run": [str(run.pk), str(theirs.pk), "nonsense"]}).content.decode()
    assert "Spam" in html and "Secret run" not in html


def test_an_artifact_proves_itself(browser, artifact):
    html = browser.get(f"{ARTIFACTS}{artifact.pk}/change/").content.decode()
    for wanted in ("75.0 % (25.0 to 100.0)", "expected=ham&amp;output=spam", "at &lt;b&gt;home", "p-matrix", "Proof"):
        assert wanted in html, wanted
    assert f"/admin/assistants/assistant/add/?artifact={artifact.pk}" in html


def test_a_cell_of_the_matrix_opens_its_rows(browser, artifact):
    html = browser.get(f"{ARTIFACTS}{artifact.pk}/rows/", {"expected": "ham", "output": "spam"}).content.decode()
    assert ">hi<" in html and "later" not in html
    assert "later" in browser.get(f"{ARTIFACTS}{artifact.pk}/rows/?page=0").content.decode()
    assert browser.get(f"{ARTIFACTS}{artifact.pk}/rows/?page=9e9").status_code == 200


def test_an_artifact_is_measured_again(browser, run, artifact):
    assert browser.post(f"{ARTIFACTS}{artifact.pk}/measure/").status_code == 404  # it was not trained here
    TrainingRun.objects.update(artifact=artifact)
    failed = Job.objects.create(kind="evaluation", state=JobState.FAILED, error="out of <memory>")
    Artifact.objects.update(job=failed)
    html = browser.get(f"{ARTIFACTS}{artifact.pk}/change/").content.decode()
    assert "out of &lt;memory&gt;" in html and "Measure again" in html
    browser.post(f"{ARTIFACTS}{artifact.pk}/measure/")
    assert Artifact.objects.get().job.state == JobState.QUEUED


def test_a_card_is_written_and_cleaned(browser, artifact):
    page = f"{ARTIFACTS}{artifact.pk}/card/"
    assert "errorlist" in browser.post(page, {"name": "", "text": "x"}).content.decode()
    browser.post(page, {"name": "Filter", "text": "# Limits\n\n<img src=x onerror=alert(1)> **bold**"})
    artifact.refresh_from_db()
    html = browser.get(f"{ARTIFACTS}{artifact.pk}/change/").content.decode()
    assert artifact.name == "Filter" and "<strong>bold</strong>" in html and "<img src=x" not in html
    assert "Limits" in (artifact.folder / "card.md").read_text()


def test_a_starter_cannot_be_changed_or_removed(browser):
    starter = register_artifact(path=STARTERS / "spam", owner=None, origin="starter")
    assert browser.get(f"{ARTIFACTS}{starter.pk}/change/").status_code == 200
    assert browser.get(f"{ARTIFACTS}{starter.pk}/card/").status_code == 404
    assert browser.post(f"{ARTIFACTS}{starter.pk}/delete/", {"post": "yes"}).status_code == 403
    assert (STARTERS / "spam" / "manifest.json").exists()


def test_an_artifact_is_deleted_unless_an_assistant_has_it(browser, artifact):
    from webapp.assistants.models import Assistant, AssistantVersion

    assistant = Assistant.objects.create(slug="mine", name_en="Mine", task="classification", artifact=artifact.path)
    AssistantVersion.objects.create(assistant=assistant, artifact=artifact, number=1)
    page = browser.post(f"{ARTIFACTS}{artifact.pk}/delete/", {"post": "yes"}, follow=True).content.decode()
    assert "is used by" in page and artifact.folder.exists()
    assistant.delete()
    browser.post(f"{ARTIFACTS}{artifact.pk}/delete/", {"post": "yes"})
    assert not Artifact.objects.exists() and not artifact.folder.exists() and not artifact.evaluation_folder.exists()


def test_a_running_training_is_not_deleted(browser, run):
    Job.objects.update(state=JobState.RUNNING)
    page = browser.post(f"{RUNS}{run.pk}/delete/", {"post": "yes"}, follow=True).content.decode()
    assert "Cancel it first" in page
    Job.objects.update(state=JobState.FAILED)
    browser.post(f"{RUNS}{run.pk}/delete/", {"post": "yes"})
    assert not TrainingRun.objects.exists()


@pytest.mark.parametrize("who", ["stranger", "member", "nobody"])
def test_what_is_not_yours_is_not_there(run, artifact, who):
    client = Client()
    if who != "nobody":
        client.force_login(person(who, Role.MEMBER if who == "member" else Role.TRAINER))
    for address in (f"{RUNS}{run.pk}/change/", f"{RUNS}{run.pk}/delete/", f"{ARTIFACTS}{artifact.pk}/change/",
                    f"{ARTIFACTS}{artifact.pk}/rows/", f"{ARTIFACTS}{artifact.pk}/download/",
                    f"{ARTIFACTS}{artifact.pk}/card/"):
        response = client.get(address)
        assert response.status_code in (302, 403, 404), address
        assert b"Spam" not in response.content
    assert client.post(f"{RUNS}{run.pk}/cancel/do/").status_code in (302, 403, 404)
    assert Job.objects.get(pk=run.job.pk).state == JobState.QUEUED


def test_an_admin_sees_everybodys(run, artifact):
    client = Client()
    client.force_login(person("root", Role.ADMIN))
    assert b"Spam" in client.get(RUNS).content
    assert b"Mine" in client.get(ARTIFACTS).content
    assert client.get(f"{RUNS}{run.pk}/change/").status_code == 200


def test_pages_bear_ids_that_are_none(browser):
    for address in (f"{RUNS}x/change/", f"{ARTIFACTS}1/change/", f"{RUNS}{uuid.uuid4()}/change/"):
        assert browser.get(address).status_code == 404


def test_the_first_page_names_jobs_in_the_readers_language(run, browser):
    page = browser.get("/admin/", headers={"accept-language": "zh-hans"}).content.decode()
    assert "分类" in page.partition("Spam")[2][:200] and "Classification" not in page
