"""Datasets out of uploads, text, folders and samples; versions; and what is refused."""

from __future__ import annotations

import json
import os

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import translation

from modeling.errors import DataError
from modeling.tasks import TASKS
from tests.webapp.datasets.messages import TABLE
from webapp.datasets import services, sources
from webapp.datasets.models import Dataset, DatasetVersion, Upload, VersionState
from webapp.jobs.models import Job, JobState
from webapp.training.models import TrainingRun

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path, settings):
    """The server's folder, with a way out."""
    inside = tmp_path / "inside"
    (inside / "deep").mkdir(parents=True)
    (inside / "rows.csv").write_text(TABLE)
    (inside / "deep" / "more.csv").write_text(TABLE)
    (inside / ".hidden").write_text(TABLE)
    (inside / "empty.csv").write_text("")
    (tmp_path / "secret.csv").write_text("secret")
    (inside / "link.csv").symlink_to(tmp_path / "secret.csv")
    (inside / "out").symlink_to(tmp_path)
    os.mkfifo(inside / "pipe.csv")
    settings.DATASET_FOLDER = inside
    return inside


def test_an_upload_becomes_a_dataset_and_is_no_upload_any_more(owner, arrived):
    upload = arrived(name="my_messages.en.csv")
    dataset = services.create_dataset(owner=owner, uploads=[upload])
    assert (dataset.name, dataset.task) == ("my messages.en", "")
    assert dataset.sources == [{"name": "my_messages.en.csv", "bytes": len(TABLE), "file": "0/my_messages.en.csv"}]
    assert dataset.source_files[0].read_text() == TABLE
    assert not Upload.objects.exists() and not upload.path.exists()
    version = dataset.versions.get()
    assert (version.number, version.state, version.job.kind) == (1, VersionState.BUILDING, "report")


def test_an_upload_becomes_one_dataset_only(owner, arrived):
    upload = arrived()
    services.create_dataset(owner=owner, uploads=[upload])
    upload.path.write_text("as if the second request had looked before the first one ended")
    with pytest.raises(DataError, match="already"):
        services.create_dataset(owner=owner, uploads=[upload])
    assert Dataset.objects.count() == 1
    assert len(list((settings.HOME / "datasets").iterdir())) == 1


def test_a_kill_before_the_rows_are_written_leaves_no_half_dataset(owner, arrived, monkeypatch):
    upload = arrived()

    def killed(**_given):
        raise KeyboardInterrupt

    monkeypatch.setattr(services, "build_version", killed)
    with pytest.raises(KeyboardInterrupt):
        services.create_dataset(owner=owner, uploads=[upload])
    assert not Dataset.objects.exists() and not Job.objects.exists()
    assert Upload.objects.get().path.read_text() == TABLE


@pytest.mark.parametrize("name, safe", [
    ("a.csv", "a.csv"), ("tatoeba.en-zh.tsv", "tatoeba.en-zh.tsv"), ("../../x.csv", "x.csv"), ("..", "file7.."),
    ("-o", "file7o"), (".bashrc", "file7.bashrc"), ("数据.csv", "file7.csv"), ("a b;c.csv", "a-b-c.csv"),
    ("a" * 200 + ".parquet", "a" * 92 + ".parquet"), ("a.%2e%2e\\x", "a.-2e-2e-x"),
])
def test_little_of_a_name_reaches_the_disk(name, safe):
    assert sources.safe_name(name, 7) == safe


def test_pasted_text_is_what_its_beginning_shows(owner):
    for text, ending in ((TABLE, ".csv"), ('{"text": "a"}\n', ".json"), ("a\tb\n", ".txt"), ("Once, then", ".txt"),
                         ("One, a line.\nTwo\nThree\n", ".txt"), ('a,b\n1,"x, y"\n', ".csv")):
        dataset = services.create_dataset(owner=owner, text=text)
        assert dataset.sources[0]["file"] == f"0/pasted{ending}"


def test_the_servers_folder_shows_regular_files_and_no_way_out(folder):
    assert [file.name for file in sources.server_files()] == ["rows.csv", "deep/more.csv"]


def test_a_file_whose_name_is_no_text_does_not_spoil_the_page(page, folder):
    (folder / os.fsdecode(b"caf\xe9.csv")).write_text(TABLE)
    (folder / "two\nlines.csv").write_text(TABLE)
    answer = page.get(reverse("admin:datasets_dataset_add"))
    assert answer.status_code == 200 and "rows.csv" in answer.text and "caf" not in answer.text


def test_what_is_no_text_is_refused_by_its_own_name_and_in_the_readers_language(owner, folder):
    (folder / "数据.csv").write_bytes(b"a,b\0" + bytes(2000))
    with translation.override("zh-hans"), pytest.raises(DataError, match="^数据.csv 是二进制文件"):
        services.create_dataset(owner=owner, files=["数据.csv"])
    assert not Dataset.objects.exists()


@pytest.mark.parametrize("name", ["../secret.csv", "link.csv", "out/secret.csv", "pipe.csv", ".hidden", "/etc/passwd",
                                  "rows.csv/../../secret.csv", "nothing.csv", "empty.csv"])
def test_nothing_else_of_the_server_is_imported(owner, folder, name):
    with pytest.raises(DataError, match="not in the server's folder"):
        services.create_dataset(owner=owner, files=[name])
    assert not Dataset.objects.exists()


def test_a_file_of_the_server_is_copied(owner, folder):
    dataset = services.create_dataset(owner=owner, files=["deep/more.csv"])
    (folder / "deep" / "more.csv").write_text("changed later")
    assert dataset.sources[0]["name"] == "more.csv"
    assert dataset.source_files[0].read_text() == TABLE


@pytest.mark.parametrize("start, name, complaint", [
    (b"", "rows.csv", "binary"), (b"PAR1", "rows.parquet", "zeros"), (TABLE.encode(), "rows.csv", "binary"),
    (b"text,label\n" + b"one,ham\n" * 600_000, "rows.csv", "zeros"),
])
def test_ten_gigabytes_of_nothing_are_refused_before_they_fill_the_disk(owner, folder, monkeypatch, start, name,
                                                                         complaint):
    monkeypatch.setattr(sources, "check_space", lambda needed: None)
    with (folder / name).open("wb") as file:
        file.write(start)
        file.truncate(10 * 1024**3)
    with pytest.raises(DataError, match=complaint):
        services.create_dataset(owner=owner, files=[name])
    assert not Dataset.objects.exists() and not list((settings.HOME / "datasets").iterdir())


@pytest.mark.parametrize("task", TASKS)
def test_the_sample_of_each_job_can_be_trained_on(owner, work_off, task):
    version = services.create_dataset(owner=owner, sample=task).versions.get()
    work_off()
    version.refresh_from_db()
    assert (version.state, version.error) == (VersionState.READY, "")
    assert version.report["task"] == version.dataset.task == task
    assert version.report["splits"]["train"] > 10


def test_versions_are_numbered_and_keep_what_was_added(owner):
    dataset = services.create_dataset(owner=owner, text=TABLE, task="classification")
    first = dataset.versions.get()
    second = services.add_rows(version=first, rows=[{"text": "a", "label": "ham"}], note="review", owner=owner)
    third = services.add_rows(version=first, rows=[{"text": "b", "label": "spam"}], owner=owner)
    fourth = services.build_version(dataset=dataset, options={"seed": 3})
    assert [version.number for version in (second, third, fourth)] == [2, 3, 4]
    assert [version.added_rows for version in (first, second, third, fourth)] == [0, 1, 2, 2]
    assert [json.loads(line)["text"] for line in fourth.additions.read_text().splitlines()] == ["a", "b"]


def test_rows_that_do_not_fit_are_refused(owner, stranger):
    version = services.create_dataset(owner=owner, text=TABLE, task="classification").versions.get()
    with pytest.raises(DataError, match="do not fit"):
        services.add_rows(version=version, rows=[{"question": "a"}], owner=owner)
    with pytest.raises(DataError, match="not yours"):
        services.add_rows(version=version, rows=[{"text": "a", "label": "ham"}], owner=stranger)
    assert DatasetVersion.objects.count() == 1


def test_added_rows_are_in_the_training_rows(owner, work_off):
    first = services.create_dataset(owner=owner, text=TABLE).versions.get()
    work_off()
    first.refresh_from_db()
    second = services.add_rows(version=first, rows=[{"text": "quite new words", "label": "ham"}], owner=owner)
    work_off()
    assert "quite new words" in second.split("train").read_text()
    assert "quite new words" not in first.split("train").read_text()


def test_the_same_files_for_another_job_are_another_dataset_once_one_is_ready(owner, work_off):
    dataset = services.create_dataset(owner=owner, text=TABLE)
    again = services.read_for_task(dataset=dataset, task="generation")  # nothing is ready: in place
    assert (again.dataset, again.number, dataset.task) == (dataset, 2, "generation")
    work_off()
    other = services.read_for_task(dataset=dataset, task="classification").dataset
    assert other != dataset and other.task == "classification"
    assert other.source_files[0].read_text() == TABLE
    services.delete_dataset(dataset=dataset)
    assert other.source_files[0].read_text() == TABLE


def test_what_a_training_uses_is_not_deleted(owner):
    dataset = services.create_dataset(owner=owner, text=TABLE)
    version = dataset.versions.get()
    services.build_version(dataset=dataset)
    run = TrainingRun.objects.create(owner=owner, name="first run", version=version, task="classification",
                                     model="lstm")
    for remove in (lambda: services.delete_version(version=version), lambda: services.delete_dataset(dataset=dataset)):
        with pytest.raises(DataError, match="first run"):
            remove()
    assert dataset.folder.exists() and dataset.versions.count() == 2
    run.delete()
    services.delete_dataset(dataset=dataset)
    assert not dataset.folder.exists() and not Dataset.objects.exists()


def test_the_only_version_is_not_deleted_alone(owner):
    version = services.create_dataset(owner=owner, text=TABLE).versions.get()
    with pytest.raises(DataError, match="only version"):
        services.delete_version(version=version)


def test_deleting_cancels_the_reading(owner):
    dataset = services.create_dataset(owner=owner, text=TABLE)
    services.delete_dataset(dataset=dataset)
    assert Job.objects.get().state == JobState.CANCELLED


def test_a_version_whose_job_is_over_is_not_being_read(owner):
    version = services.create_dataset(owner=owner, text=TABLE).versions.get()
    assert services.settle(version=version).state == VersionState.BUILDING
    Job.objects.update(state=JobState.FAILED, error="Its worker died.")
    version = DatasetVersion.objects.select_related("job").get()
    assert services.settle(version=version).state == VersionState.FAILED
    assert version.error == "Its worker died."


