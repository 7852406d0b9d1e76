"""The pages: new dataset, report, downloads; what is shown, what is refused, and to whom nothing is there."""

from __future__ import annotations

import csv
import io
import json
import uuid

import pytest
from django.test import Client
from django.urls import reverse

from modeling.tasks import TASKS
from tests.webapp.datasets.messages import TABLE, report_of
from webapp.accounts.models import Role, User
from webapp.datasets import exports, services
from webapp.datasets.models import Dataset, DatasetVersion, VersionState
from webapp.jobs.models import Job, JobState
from webapp.training.models import TrainingRun

pytestmark = pytest.mark.django_db
NEW = "admin:datasets_dataset_add"
POLLS = 'hx-trigger="every 1s"'
HOSTILE = 'label,text\n=1+1,"<script>alert(1)</script>"\nham,\n' + TABLE.split("\n", 1)[1]


@pytest.fixture
def ready(owner, work_off):
    """A version that has been read."""
    def read(text=TABLE, **given):
        version = services.create_dataset(owner=owner, text=text, **given).versions.get()
        work_off()
        version.refresh_from_db()
        assert version.state == VersionState.READY, version.error
        return version
    return read


def body(answer):
    return b"".join(answer)


def test_files_become_a_dataset_whose_report_grows(page, arrived, work_off):
    answer = page.post(reverse(NEW), {"uploads": [arrived().pk]})
    version = DatasetVersion.objects.get()
    assert answer.url == report_of(version)
    waiting = page.get(report_of(version)).text
    assert POLLS in waiting and "Waiting to be read" in waiting
    DatasetVersion.objects.update(report={"seen": 1234})
    fragment = page.get(report_of(version), headers={"HX-Request": "true"}).text
    assert "Being read: 1,234 rows so far" in fragment and "<html" not in fragment
    work_off()
    done = page.get(report_of(version)).text
    assert "Ready to train: 80 rows" in done and POLLS not in done
    assert f"{reverse('admin:training_trainingrun_add')}?version={version.pk}" in done


def test_two_files_are_read_as_each_others_translation(page, arrived, work_off):
    lines = [arrived("".join(f"{word} {i}\n" for i in range(30)), f"talk.{code}")
             for code, word in (("en", "the house is"), ("fr", "la maison est"))]
    page.post(reverse(NEW), {"uploads": [upload.pk for upload in lines]})
    work_off()
    version = DatasetVersion.objects.get()
    assert (version.report["task"], version.report["format"]) == ("translation", "parallel")
    assert '"source_language": "en"' in version.split("train").read_text()


@pytest.mark.parametrize("given, complaint", [
    ({}, "nothing to read yet"),
    ({"text": "   "}, "nothing to read yet"),
    ({"text": "a", "sample": "generation"}, "Choose one way in"),
    ({"text": "x" * 200_001}, "200000"),
    ({"text": "a\x00b"}, "Null characters"),
    ({"text": "a", "name": "x" * 121}, "120"),
    ({"text": "a", "name": "a\x00b"}, "Null characters"),
    ({"text": "a", "task": "world peace"}, "Select a valid choice"),
    ({"sample": "world peace"}, "Select a valid choice"),
    ({"uploads": ["no-uuid"]}, "no-uuid"),
    ({"uploads": [str(uuid.uuid4())]}, "Select a valid choice"),
    ({"files": ["../../etc/passwd"]}, "Select a valid choice"),
])
def test_what_cannot_be_is_said_on_the_form_and_nothing_is_written(page, given, complaint, settings, tmp_path):
    settings.DATASET_FOLDER = tmp_path
    answer = page.post(reverse(NEW), given)
    assert answer.status_code == 200
    assert complaint in answer.text and "errorlist" in answer.text
    assert not Dataset.objects.exists() and not Job.objects.exists()


def test_an_upload_of_somebody_else_cannot_be_chosen(page, stranger, arrived):
    other = Client()
    other.force_login(stranger)
    assert "Select a valid choice" in other.post(reverse(NEW), {"uploads": [arrived().pk]}).text


def test_the_report_says_what_is_in_the_file(page, ready):
    shown = page.get(report_of(ready(HOSTILE))).text
    for part in ("Classification", "CSV", "utf-8", "Columns", "As the model sees it", "Length of the text", "Classes",
                 "Duplicates", "Conflicts", "Leakage", "Bad rows", "The text is empty", "train.jsonl"):
        assert part in shown, part
    assert "<script>alert" not in shown and "&lt;script&gt;alert" in shown


def test_the_same_in_chinese(page, ready):
    page.defaults["HTTP_ACCEPT_LANGUAGE"] = "zh-hans"
    shown = page.get(report_of(ready(HOSTILE))).text
    for part in ("可以训练", "分类", "文本为空", "模型看到的样子", "百分之九十五", "值得留意"):
        assert part in shown, part
    assert "新建数据集" in page.get(reverse(NEW)).text


def test_another_role_makes_another_version_and_leaves_this_one(page, ready):
    version = ready("sort,headline,message\n" + "".join(f"a{i % 2},h {i},the message {i} is long\n" for i in range(40)))
    assert version.report["roles"] == {"label": "sort", "text": "message"} or version.report["roles"]["label"] == "sort"
    names = [column["name"] for column in version.report["columns"]]
    roles = {f"column{i}": {"sort": "label", "headline": "text"}.get(name, "") for i, name in enumerate(names)}
    options = {"validation": "20", "test": "10", "seed": "7", "note": "headlines"}
    page.post(report_of(version), {**roles, **options})
    newer = DatasetVersion.objects.get(number=2)
    assert newer.columns == {"label": "sort", "text": "headline"}
    assert newer.options == {"validation": 0.2, "test": 0.1, "seed": 7, "drop_duplicates": False}
    assert newer.note == "headlines"
    version.refresh_from_db()
    assert version.columns == {}


@pytest.mark.parametrize("wrong, complaint", [
    ({"column1": "label"}, "Each role has one column"),
    ({"column1": ""}, "No column is the text any more"),
    ({"column0": "hostage"}, "Select a valid choice"),
    ({"validation": "90"}, "less than or equal to 40"),
    ({"validation": "nan"}, "Enter a number"),
    ({"test": "-1"}, "greater than or equal to 0"),
    ({"seed": "x"}, "Enter a whole number"),
    ({"seed": "99999999999"}, "less than or equal to"),
    ({"note": "x" * 201}, "200"),
    ({"test": ""}, "required"),
])
def test_a_bad_choice_stands_beside_its_field(page, ready, wrong, complaint):
    version = ready()
    right = {"column0": "label", "column1": "text", "validation": "10", "test": "10", "seed": "0"}
    answer = page.post(report_of(version), {**right, **wrong})
    assert answer.status_code == 200 and complaint in answer.text
    assert DatasetVersion.objects.count() == 1


def test_bad_rows_come_as_a_table_without_formulas(page, ready):
    version = ready(HOSTILE)
    (version.folder / "problems.jsonl").open("a").write(json.dumps(
        {"line": 9, "column": "=HYPERLINK(1)", "message": "+1", "severity": "error", "file": "pasted.csv"}) + "\n")
    answer = page.get(reverse("admin:datasets_version_problems", args=[version.pk]))
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"].startswith("attachment")
    head, first, *_rest, last = csv.reader(io.StringIO(body(answer).decode("utf-8-sig")))
    assert head == ["file", "line", "column", "severity", "message"]
    assert first[:4] == ["pasted.csv", "3", "text", "error"]
    assert last == ["pasted.csv", "9", "'=HYPERLINK(1)", "error", "'+1"]


@pytest.mark.parametrize("cell, safe", [("=1", "'=1"), ("+1", "'+1"), ("-1", "'-1"), ("@a", "'@a"), ("\t=1", "'\t=1"),
                                        ("\r=1", "'\r=1"), ("a=1", "a=1"), (None, ""), (-3, "'-3"), ("", ""),
                                        ("\n=1", "'\n=1"), ("＝1", "'＝1"), ("＠a", "'＠a")])
def test_formulas_are_escaped(cell, safe):
    assert exports.escaped(cell) == safe


def test_a_split_is_an_attachment(page, ready):
    version = ready()
    answer = page.get(reverse("admin:datasets_version_split", args=[version.pk, "train"]))
    assert answer["Content-Disposition"].startswith("attachment") and answer["X-Content-Type-Options"] == "nosniff"
    assert body(answer) == version.split("train").read_bytes()
    for other in ("problems", "report", "nothing"):
        assert page.get(f"/admin/datasets/dataset/version/{version.pk}/{other}.jsonl").status_code == 404


def test_what_cannot_be_read_says_why(page, owner, arrived, work_off):
    version = services.create_dataset(owner=owner, uploads=[arrived("label,text\n", "数据.csv")]).versions.get()
    work_off()
    shown = page.get(report_of(version)).text
    assert "It cannot be used yet" in shown and "数据.csv: there is no row. Choose another file." in shown
    assert POLLS not in shown


def test_columns_that_could_not_be_guessed_can_be_chosen(page, owner, work_off):
    text = "a,b,c\n" + "".join(f"{i}{i},words number {i} and more,{i}\n" for i in range(50))
    version = services.create_dataset(owner=owner, text=text, task="question-answering").versions.get()
    work_off()
    shown = page.get(report_of(version)).text
    assert "no column was found for these roles: context, question, answers" in shown
    assert "Say which column has which role." in shown
    assert 'name="column2"' in shown
    services.read_for_task(dataset=version.dataset, task="classification")
    work_off()
    newest = version.dataset.versions.first()
    chosen = {"column0": "", "column1": "text", "column2": "label", "validation": "10", "test": "10", "seed": "0"}
    page.post(report_of(newest), chosen)
    work_off()
    assert version.dataset.versions.first().columns == {"text": "b", "label": "c"}


def test_a_breakdown_is_told_with_what_the_program_said(page, owner):
    version = services.create_dataset(owner=owner, text=TABLE).versions.get()
    DatasetVersion.objects.update(state=VersionState.FAILED, error="It was killed.\nlast <words>\n[137]")
    shown = page.get(report_of(version)).text
    assert "<p>It was killed.</p>" in shown and "last &lt;words&gt;" in shown


def test_one_class_is_nothing_to_learn(page, ready):
    shown = page.get(report_of(ready("label,text\n" + "".join(f"ham,message {i}\n" for i in range(40)),
                                     task="classification"))).text
    assert "Every row has the same label" in shown
    assert "trainingrun/add/?version" not in shown


def test_texts_without_summaries_are_said_to_be_for_lexrank_alone(page, ready):
    plain = ready("text,n\n" + "".join(f"Cats sleep in house {i}.,{i}\n" for i in range(40)), task="summarisation")
    shown = page.get(report_of(plain)).text
    assert "No row has a summary." in shown and "Ready: 40 rows" in shown


def test_a_job_that_was_cancelled_does_not_leave_a_page_waiting(page, owner):
    version = services.create_dataset(owner=owner, text=TABLE).versions.get()
    Job.objects.update(state=JobState.CANCELLED)
    shown = page.get(report_of(version)).text
    assert "Reading it was cancelled" in shown and POLLS not in shown


def test_the_list_shows_the_newest_version(page, ready):
    version = ready(name="Messages")
    listed = page.get(reverse("admin:datasets_dataset_changelist")).text
    for part in ("Messages", "Classification", "80", "ready"):
        assert part in listed
    opened = page.get(reverse("admin:datasets_dataset_change", args=[version.dataset_id]))
    assert opened.url == report_of(version)


def test_renaming_and_reading_for_another_job(page, ready):
    version = ready()
    page.post(reverse("admin:datasets_version_rename", args=[version.pk]), {"name": "Other"})
    assert Dataset.objects.get().name == "Other"
    page.post(reverse("admin:datasets_version_rename", args=[version.pk]), {"name": "x" * 200})
    page.post(reverse("admin:datasets_version_task", args=[version.pk]), {"task": "nothing"})
    assert Dataset.objects.get().name == "Other"
    page.post(reverse("admin:datasets_version_task", args=[version.pk]), {"task": "generation"})
    assert sorted(Dataset.objects.values_list("task", flat=True)) == ["classification", "generation"]


def test_a_dataset_is_deleted_with_its_files(page, ready):
    version = ready()
    dataset = version.dataset
    asked = page.get(reverse("admin:datasets_dataset_delete", args=[dataset.pk]))
    assert asked.status_code == 200
    page.post(reverse("admin:datasets_dataset_delete", args=[dataset.pk]), {"post": "yes"})
    assert not Dataset.objects.exists() and not dataset.folder.exists()


def test_several_are_deleted_at_once_and_what_is_used_stays(page, owner, ready):
    used, free = ready(), ready()
    TrainingRun.objects.create(owner=owner, name="run", version=used, task="classification", model="lstm")
    chosen = {"action": "delete_selected", "_selected_action": [used.dataset_id, free.dataset_id], "post": "yes"}
    listed = reverse("admin:datasets_dataset_changelist")
    assert "run" in page.post(listed, chosen).text
    assert Dataset.objects.count() == 2 and free.folder.exists()
    page.post(listed, {**chosen, "_selected_action": [free.dataset_id]})
    assert Dataset.objects.get() == used.dataset
    assert used.folder.exists() and not free.dataset.folder.exists()


def test_one_version_is_deleted_and_another_stays(page, ready):
    version = ready()
    newer = services.build_version(dataset=version.dataset)
    answer = page.post(reverse("admin:datasets_version_delete", args=[newer.pk]))
    assert answer.url == report_of(version)
    page.post(reverse("admin:datasets_version_delete", args=[version.pk]))
    assert DatasetVersion.objects.get() == version


def addresses(version):
    """(method, address) of everything that belongs to one version."""
    names = {"report": ("get", "post"), "task": ("post",), "rename": ("post",), "delete": ("post",),
             "problems": ("get",)}
    found = [(method, reverse(f"admin:datasets_version_{name}", args=[version.pk]))
             for name, methods in names.items() for method in methods]
    found.append(("get", reverse("admin:datasets_version_split", args=[version.pk, "train"])))
    return [*found, ("get", reverse("admin:datasets_dataset_change", args=[version.dataset_id])),
            ("post", reverse("admin:datasets_dataset_delete", args=[version.dataset_id]))]


def test_others_find_nothing(ready, stranger):
    version = ready()
    member = User.objects.create_user("member", role=Role.MEMBER)
    for user, wanted in ((stranger, {404, 302}), (member, {302, 403, 404}), (None, {302})):
        other = Client()
        if user:
            other.force_login(user)
        for method, address in addresses(version):
            answer = getattr(other, method)(address, {"task": "generation", "name": "taken", "post": "yes"})
            assert answer.status_code in wanted, (user, method, address)
            assert answer.status_code != 302 or "/version/" not in answer.url.split("next=")[0]
    assert Dataset.objects.get().name != "taken" and DatasetVersion.objects.get() == version


def test_an_admin_sees_what_belongs_to_others(ready, admin_client):
    assert admin_client.get(report_of(ready())).status_code == 200


def test_members_have_no_way_in(client, db):
    client.force_login(User.objects.create_user("member", role=Role.MEMBER))
    for address in (reverse(NEW), reverse("admin:datasets_upload_begin")):
        assert client.post(address, {"text": "a"}).status_code in (302, 403)
    assert not Dataset.objects.exists()


@pytest.mark.parametrize("task", TASKS)
def test_the_page_offers_a_sample_of_each_job(page, task):
    assert f'value="{task}"' in page.get(reverse(NEW)).text
