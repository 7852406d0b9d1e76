"""The train form: what it offers, what it refuses, how few clicks it takes."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from modeling.errors import ConfigError
from tests.webapp.training.trainings import make_version, person
from tests.webapp.world import small_vectors
from webapp.training.choices import choose, measured_speed
from webapp.training.models import RunEvent, TrainingRun
from webapp.training.services import register_artifact, start_training

ADD, ESTIMATE = "/admin/training/trainingrun/add/", "/admin/training/trainingrun/estimate/"
STARTERS = settings.ROOT / "modeling" / "starters"


def filled(data: Any, **changes: str) -> dict[str, str]:
    return {"task": "classification", "version": str(data.pk), "model": "lstm", "parent": "", "name": "Mine",
            "seed": "3", "storage": "int8", "set_epochs": "2", **changes}


class Controls(HTMLParser):
    """What a browser would send of a form that nobody touched."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._select = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        name = found.get("name") or ""
        if tag == "input" and name and (found.get("type") not in ("radio", "checkbox") or "checked" in found):
            self.values[name] = found.get("value") or ("on" if found.get("type") == "checkbox" else "")
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in found or self._select not in self.values):
            self.values[self._select] = found.get("value") or ""


def test_six_clicks_from_sign_in_to_a_running_training(version):
    """Sign in, Admin, Trainings, Add, Start: each is one button or link on the page before."""
    client, clicks = Client(), 0

    def click(response: Any, address: str) -> Any:
        nonlocal clicks
        clicks += 1
        assert f'"{address}"' in response.content.decode(), address
        return client.get(address, follow=True)

    page = client.get("/sign-in/")
    sent = Controls(page.content.decode()).values | {"username": "trainer", "password": "a long pass phrase"}
    page, clicks = client.post("/sign-in/", sent, follow=True), 1
    page = click(page, "/admin/") if '"/admin/"' in page.content.decode() else client.get("/admin/")
    page = click(page, "/admin/training/trainingrun/")
    page = click(page, ADD)
    client.post(ADD, Controls(page.content.decode().split('id="train"')[1].split("</form>")[0]).values)
    clicks += 1
    assert TrainingRun.objects.get().job.state == "queued"
    assert clicks <= 6


def test_a_touched_form_is_sent_and_only_what_differs_is_kept(browser, version):
    response = browser.post(ADD, filled(version, set_hidden="16"))
    run = TrainingRun.objects.get()
    assert response.url == f"/admin/training/trainingrun/{run.pk}/change/"
    assert (run.settings, run.seed, run.name) == ({"epochs": "2", "hidden": "16"}, 3, "Mine")


@pytest.mark.parametrize(("field", "value"), [
    ("set_epochs", "-1"), ("set_epochs", "many"), ("set_hidden", "1.5"), ("set_dropout", "2"), ("seed", "-4"),
    ("storage", "int1"), ("task", "juggling"), ("model", "gpt"), ("version", "nothing"), ("parent", "artifact:1"),
    ("name", "x" * 121), ("set_optimizer", "sgd"), ("set_epochs", "nan"), ("set_epochs", "1e400"),
])
def test_a_bad_value_is_told_beside_its_field_and_stays(browser, version, field, value):
    response = browser.post(ADD, filled(version, **{field: value}))
    html = response.content.decode()
    assert response.status_code == 200 and not TrainingRun.objects.exists()
    assert response.context["form"].errors.get(field), response.context["form"].errors
    assert "errorlist" in html
    if field.startswith("set_") and field != "set_optimizer":
        assert f'value="{value}"' in html


def test_values_that_only_together_cannot_be_are_told_beside_the_field(browser, trainer_user):
    poems = make_version(trainer_user, name="Poems", task="generation",
                         splits={"train": [{"text": "snow on the river"}] * 9, "test": [{"text": "moon"}] * 3})
    response = browser.post(ADD, filled(poems, task="generation", model="decoder", set_heads="7"))
    assert response.context["form"].errors and not TrainingRun.objects.exists()


def texts_of(owner: Any, summaries: int) -> Any:
    data = make_version(owner, name="Letters", task="summarisation",
                        splits={"train": [{"text": "Cats sleep."}] * 9, "test": [{"text": "Dogs bark."}] * 3})
    data.report |= {"task": "summarisation", "summaries": summaries}
    data.save()
    return data


def test_a_model_that_writes_is_not_trained_without_summaries(browser, trainer_user):
    letters = texts_of(trainer_user, 0)
    asked = filled(letters, task="summarisation", model="transformer")
    assert "These data have no summaries" in browser.get(ADD, asked).text
    assert browser.post(ADD, asked).context["form"].errors["version"]
    with pytest.raises(ConfigError, match="no summaries"):
        start_training(owner=trainer_user, version=letters, task="summarisation", model="pointer")
    assert not TrainingRun.objects.exists()


def test_lexrank_is_made_on_word_vectors_and_needs_no_summaries(browser, trainer_user):
    asked = filled(texts_of(trainer_user, 0), task="summarisation", model="lexrank")
    assert "no summaries" not in browser.get(ADD, asked).text
    assert choose(trainer_user, {"version": asked["version"]}).model == "lexrank"
    assert "there are none here" in str(browser.post(ADD, asked).context["form"].errors["set_vectors"])
    with pytest.raises(ConfigError, match="word vectors"):
        start_training(owner=trainer_user, version=texts_of(trainer_user, 0), task="summarisation", model="lexrank")
    vectors = small_vectors(trainer_user, "Small")
    assert f'<option value="{vectors.pk}">Small (3)</option>' in browser.get(ADD, asked).text
    browser.post(ADD, asked | {"set_vectors": str(vectors.pk)})
    assert TrainingRun.objects.get().settings == {"vectors": str(vectors.pk)}


def test_job_comes_from_the_data_and_from_the_artifact(trainer_user, version):
    poems = make_version(trainer_user, name="Poems", task="generation")
    assert choose(trainer_user, {}).version == poems
    assert choose(trainer_user, {"version": str(version.pk)}).task == "classification"
    spam = register_artifact(path=STARTERS / "spam", owner=None, origin="starter")
    chosen = choose(trainer_user, {"parent": str(spam.pk)})
    assert (chosen.task, chosen.version, chosen.artifact) == ("classification", version, spam)
    assert choose(trainer_user, {"task": "generation", "version": str(version.pk)}).version == poems


def test_a_reader_starts_from_the_reader_that_ships(trainer_user, version):
    register_artifact(path=STARTERS / "squad-reader", owner=None, origin="starter")
    chosen = choose(trainer_user, {"task": "question-answering"})
    assert chosen.artifact.name == "squad-reader"
    assert "width" not in {option.name for option in chosen.options()}


def test_a_reader_can_start_from_a_folder_on_the_server(trainer_user, tmp_path, settings):
    (tmp_path / "minilm").mkdir()
    (tmp_path / "minilm" / "model.safetensors").touch()
    (tmp_path / "empty").mkdir()
    settings.MODELS_FOLDER = tmp_path
    squad = make_version(trainer_user, task="question-answering")
    assert choose(trainer_user, {"task": "question-answering"}).parent == "folder:minilm"
    for name in ("../minilm", "empty/../minilm", "nowhere", ".", ""):
        with pytest.raises(ConfigError):
            start_training(owner=trainer_user, version=squad, task="question-answering", model="bert", base=name)


def test_what_was_set_stays_when_other_data_are_chosen(browser, trainer_user, version):
    other = make_version(trainer_user, name="More")
    first = browser.get(ADD, {"version": str(version.pk)})
    values = Controls(first.content.decode().split('id="train"')[1]).values | {"set_hidden": "17"}
    second = browser.get(ADD, values | {"version": str(other.pk)}, headers={"HX-Request": "true"})
    html = second.content.decode()
    assert 'value="17"' in html and "<html" not in html and f'value="{other.pk}" selected' in html


def test_the_estimate_follows_the_options_and_earlier_runs(browser, version, trainer_user, run):
    def seconds(**changes: str) -> str:
        html = browser.get(ESTIMATE, filled(version, **changes)).content.decode()
        return re.findall(r"<dd>(.*?)</dd>", html)[0]

    assert seconds() != seconds(set_epochs="400")
    assert "<dd>" not in browser.get(ESTIMATE, filled(version, set_epochs="no")).content.decode()
    assert measured_speed("classification", "lstm", 1000) is None
    run.facts = {"steps": 9, "parameters": 1500}
    run.save()
    for step in (1, 2, 3):
        RunEvent.objects.create(run=run, attempt=1, kind="step", step=step, data={"tokens_per_second": 1000 * step})
    assert measured_speed("classification", "lstm", 1000) == 2000
    assert measured_speed("classification", "lstm", 100_000) is None
    assert measured_speed("question-answering", "bert", 1000) is None


def test_training_again_begins_with_the_same_options(browser, run):
    html = browser.get(ADD, {"again": str(run.pk)}).content.decode()
    values = Controls(html.split('id="train"')[1]).values
    assert values["set_hidden"] == "8" and values["set_vocabulary_size"] == "300" and values["name"] == ""


def test_others_data_and_artifacts_cannot_be_used(browser, version):
    stranger = person("stranger")
    theirs = make_version(stranger, name="Secret")
    assert "Secret" not in browser.get(ADD).content.decode()
    response = browser.post(ADD, filled(version, version=str(theirs.pk)))
    assert response.context["form"].errors["version"]
    run = start_training(owner=stranger, version=theirs, task="classification", model="lstm")
    assert browser.get(ADD, {"again": str(run.pk)}).status_code == 404


def translations(owner: Any, *codes: str, rows: int = 40) -> Any:
    version = make_version(owner, name="Sentences", task="translation", splits={"train": [{}] * rows, "test": [{}]})
    version.report["languages"] = [{"code": code, "share": 1 / len(codes)} for code in codes]
    version.save()
    return version


def test_a_starter_that_knows_the_languages_of_the_data_is_continued_from(trainer_user):
    starter = register_artifact(path=STARTERS / "en-zh", owner=None, origin="starter")
    pairs, others = translations(trainer_user, "zh", "en"), translations(trainer_user, "en", "fi")
    chosen = choose(trainer_user, {"version": str(pairs.pk)})
    assert (chosen.model, chosen.artifact) == ("transformer", starter)
    chosen = choose(trainer_user, {"version": str(others.pk)})
    assert (chosen.model, chosen.parent) == ("rnn", "")
    assert choose(trainer_user, {"version": str(pairs.pk), "parent": ""}).parent == ""
    reader = register_artifact(path=STARTERS / "squad-reader", owner=None, origin="starter")
    questions = make_version(trainer_user, name="Questions", task="question-answering")
    for share, suits in ((0.7, True), (0.3, False)):
        questions.report["languages"] = [{"code": "en", "share": share}, {"code": "zh", "share": 1 - share}]
        questions.save()
        assert (choose(trainer_user, {"version": str(questions.pk)}).artifact == reader) is suits


@pytest.mark.parametrize(("task", "characters", "model"), [
    ("translation", 400_000, "rnn"), ("translation", 600_000, "transformer"), ("generation", 4_000, "ngram"),
    ("generation", 200_000, "lstm"), ("generation", 2_000_000, "decoder"), ("classification", 4_000, "lstm"),
    ("classification", 5_000_000, "lstm"), ("summarisation", 5_000_000, "pointer"),
    ("question-answering", 5_000_000, "transformer"),
])
def test_from_nothing_the_model_that_suits_so_much_text_comes_first(trainer_user, task, characters, model):
    version = make_version(trainer_user, task=task, splits={"train": [{}]})
    version.report["characters"] = characters
    version.save()
    assert choose(trainer_user, {"version": str(version.pk)}).model == model


def test_what_nobody_chose_follows_the_job_and_what_a_person_chose_stays(browser, trainer_user, version):
    register_artifact(path=STARTERS / "en-zh", owner=None, origin="starter")
    translations(trainer_user, "en", "zh")
    make_version(trainer_user, name="Poems", task="generation")

    def shown(values: dict[str, str], **changes: str) -> dict[str, str]:
        page = browser.get(ADD, values | changes, headers={"HX-Request": "true"}).content.decode()
        return Controls(page.split('id="train"')[1]).values

    first = shown({"version": str(version.pk)})
    translating = shown(first, task="translation")
    assert (translating["model"], translating["parent"][:9]) == ("transformer", "artifact:")
    assert shown(translating, task="classification")["model"] == "lstm", "not the other transformer"
    assert shown(shown(translating, parent=""), name="Mine")["parent"] == ""
    assert shown(shown(translating, parent="", model="rnn"), task="generation")["model"] == "ngram"
    assert shown(shown(first, model="transformer"), version=str(version.pk))["model"] == "transformer"
    assert shown(translating, parent="", model="rnn")["set_tied"] == "on", "a box that was not there before"
