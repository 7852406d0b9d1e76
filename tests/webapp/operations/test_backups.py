"""Backup and restore: while people write, into the other database, and never from a damaged file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.conf import settings as project
from django.db import connection
from django.utils import timezone

from modeling.errors import DataError, ParleyError
from tests.postgres import server
from webapp.accounts.models import User
from webapp.assistants.models import Assistant
from webapp.chat.models import Conversation, Message
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.jobs.models import Job
from webapp.operations.backups import back_up, verified
from webapp.training.models import Artifact

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home(tmp_path: Path, settings: Any) -> Path:
    """A home with a key; the rows are in the tests' database."""
    settings.HOME, settings.DOCUMENTS = tmp_path / "home", tmp_path / "home" / "documents"
    settings.HOME.mkdir()
    (settings.HOME / "secret.key").write_text("a key\n")
    (settings.HOME / "logs").mkdir()
    (settings.HOME / "logs" / "web.log").write_text("not in the backup")
    return settings.HOME


def make_dataset(owner: User, name: str = "tickets") -> Dataset:
    """With one version, whose files are there before its row, as the site does it."""
    dataset = Dataset(owner=owner, name=name, sources=[{"name": "a.csv", "bytes": 4, "file": "0"}])
    for path, text in {"source/0": "a,b\n", "versions/1/train.jsonl": '{"text": "hi"}\n'}.items():
        (dataset.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (dataset.folder / path).write_text(text)
    dataset.save()
    DatasetVersion.objects.create(dataset=dataset, number=1, state="ready", report={"rows": 1, "share": 0.1})
    return dataset


@pytest.fixture
def filled(home: Path) -> Path:
    """A little of everything."""
    ada = User.objects.create_superuser("ada", password="countess")
    make_dataset(ada)
    artifact = Artifact.objects.create(owner=ada, name="spam", task="classification", model="lstm", origin="training",
                                       path=str(home / "artifacts" / "spam"), metrics={"accuracy": 1 / 3})
    artifact.folder.mkdir(parents=True)
    (artifact.folder / "weights.safetensors").write_bytes(os.urandom(3000))
    assistant = Assistant.objects.create(slug="spam", name_en="Spam", name_zh="垃圾短信", task="classification",
                                         artifact=artifact.path, owner=ada, documents=[str(home / "indexes" / "x")])
    conversation = Conversation.objects.create(assistant=assistant, session="s" * 64, title="😀 “Zitat” \\ \u2028")
    Message.objects.create(conversation=conversation, role="user", text="line\nline", seconds=0.1 + 0.2,
                           trace=[{"p": 1e-12}])
    Job.objects.create(kind="retention", owner=ada, not_before=timezone.now())
    return home


def manage(home: Path, *arguments: str | Path, address: str = "") -> subprocess.CompletedProcess[str]:
    """`manage.py` for another home, with SQLite or the database at `address`."""
    return subprocess.run([sys.executable, str(project.ROOT / "manage.py"), *map(str, arguments)], text=True,
                          capture_output=True, env={**os.environ, "PARLEY_HOME": str(home), "DATABASE_URL": address})


def contents(backup: Path) -> dict[str, Any]:
    """Rows as data, since PostgreSQL does not keep the order of keys; other files as their hashes."""
    files = verified(backup)["files"]
    rows = {name: table(backup, name) for name in verified(backup)["rows"]}
    return rows | {name: one["sha256"] for name, one in files.items() if name.startswith("home/")}


def table(backup: Path, name: str) -> list[dict[str, Any]]:
    with tarfile.open(backup) as archive:
        return [json.loads(line) for line in archive.extractfile(f"database/{name}.jsonl")]


NEW = """
from webapp.assistants.models import Assistant as A
from webapp.jobs.models import Job
Job.objects.create(kind="retention")
print(Job.objects.count(), A.objects.get().artifact, *A.objects.get().documents)
"""


@pytest.mark.once
def test_what_is_restored_is_what_was_backed_up_in_its_new_place_and_goes_on(filled, tmp_path):
    first, other = back_up(tmp_path / "first.tar"), tmp_path / "other"
    ran = manage(other, "restore", tmp_path / "first.tar")
    assert ran.returncode == 0, ran.stderr
    manage(other, "backup", tmp_path / "second.tar")
    assert contents(tmp_path / "second.tar") == contents(tmp_path / "first.tar")
    assert not [name for name in first["files"] if "logs" in name] and first["missing"] == []
    assert (other / "artifacts" / "spam" / "weights.safetensors").stat().st_size == 3000
    shown = manage(other, "shell", "-c", NEW).stdout.split()
    assert shown[-3:] == ["2", str(other / "artifacts" / "spam"), str(other / "indexes" / "x")]


def test_a_backup_from_one_database_goes_into_the_other_and_back(filled, tmp_path):
    back_up(tmp_path / "first.tar")
    there, back = tmp_path / "there", tmp_path / "back"
    with server() as address:
        for backup, home, into in (("first", there, address), ("second", back, "")):
            ran = manage(home, "restore", tmp_path / f"{backup}.tar", address=into)
            assert ran.returncode == 0, ran.stderr
            if into:
                manage(home, "backup", tmp_path / "second.tar", address=into)
                assert manage(home, "shell", "-c", NEW, address=into).stdout.split()[-3:-2] == ["2"]
    manage(back, "backup", tmp_path / "third.tar")
    assert verified(tmp_path / "second.tar")["database"] == "postgresql"
    assert contents(tmp_path / "first.tar") == contents(tmp_path / "second.tar") == contents(tmp_path / "third.tar")


@pytest.fixture
def writers(filled: Path) -> Any:
    """People who make and delete things, in transactions of two rows each, until the test is over."""
    ada, assistant, over = User.objects.get(), Assistant.objects.get(), threading.Event()

    def talk() -> None:
        conversation = Conversation.objects.create(assistant=assistant, title="pair")
        Message.objects.bulk_create([Message(conversation=conversation, text=side) for side in ("one", "two")])

    def build() -> None:
        dataset = make_dataset(ada, name=uuid.uuid4().hex)
        folder = dataset.folder
        dataset.delete()
        for path in sorted(folder.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()

    def go_on(work: Callable[[], None]) -> None:
        from django.db import transaction

        try:
            while not over.wait(0.02):
                with transaction.atomic() if work is talk else threading.Lock():
                    work()
        finally:
            connection.close()

    threads = [threading.Thread(target=go_on, args=(work,)) for work in (talk, build)]
    for thread in threads:
        thread.start()
    yield
    over.set()
    for thread in threads:
        thread.join()


def test_a_backup_while_people_write_is_of_one_moment(writers, tmp_path):
    for number in range(5):
        backup = tmp_path / f"{number}.tar"
        back_up(backup)
        manifest = verified(backup)
        talks = {row["id"] for row in table(backup, "chat.conversation") if row["title"] == "pair"}
        said = [row["conversation_id"] for row in table(backup, "chat.message")]
        assert all(said.count(talk) == 2 for talk in talks)
        assert manifest["missing"] == []
        for version in table(backup, "datasets.datasetversion"):
            assert f"home/datasets/{version['dataset_id']}/versions/1/train.jsonl" in manifest["files"]
    assert not list(project.HOME.glob(".backup-*"))


@pytest.fixture
def flipped(filled: Path, tmp_path: Path) -> Callable[[float], Path]:
    """Makes backups with one bit changed, so far into what they hold."""
    back_up(tmp_path / "first.tar")
    with tarfile.open(tmp_path / "first.tar") as archive:
        full = [at for entry in archive for at in range(entry.offset_data, entry.offset_data + entry.size)]

    def flip(place: float) -> Path:
        broken = bytearray((tmp_path / "first.tar").read_bytes())
        broken[full[int(place * len(full))]] ^= 1
        (tmp_path / "broken.tar").write_bytes(broken)
        return tmp_path / "broken.tar"

    return flip


@pytest.mark.once
def test_a_flipped_bit_is_found_wherever_it_is(flipped):
    for place in range(40):
        with pytest.raises(DataError):
            verified(flipped(place / 40))


@pytest.mark.once
def test_a_damaged_backup_touches_nothing(flipped, tmp_path):
    ran = manage(tmp_path / "other", "restore", flipped(0.3))
    assert ran.returncode == 1 and "is not what was written" in ran.stderr and "Traceback" not in ran.stderr
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["secret.key"]


@pytest.mark.parametrize("share", [0, 0.1, 0.6])
def test_half_a_backup_is_refused(filled, tmp_path, share):
    back_up(tmp_path / "first.tar")
    whole = (tmp_path / "first.tar").read_bytes()
    (tmp_path / "half.tar").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataError, match="half.tar"):
        verified(tmp_path / "half.tar")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "home/../../evil", "elsewhere/evil", "home"])
def test_a_file_that_would_leave_the_home_is_refused(tmp_path, name):
    with tarfile.open(tmp_path / "evil.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    with pytest.raises(DataError, match="does not belong"):
        verified(tmp_path / "evil.tar")


def test_a_link_is_refused(tmp_path):
    with tarfile.open(tmp_path / "evil.tar", "w") as archive:
        entry = tarfile.TarInfo("home/datasets")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc"
        archive.addfile(entry)
    with pytest.raises(DataError, match="does not belong"):
        verified(tmp_path / "evil.tar")


@pytest.mark.once
def test_a_site_that_is_there_is_set_aside_only_when_asked(filled, tmp_path):
    back_up(tmp_path / "first.tar")
    other = tmp_path / "other"
    manage(other, "restore", tmp_path / "first.tar")
    (other / "artifacts" / "mine").write_text("precious")
    ran = manage(other, "restore", tmp_path / "first.tar")
    assert ran.returncode == 1 and "--force" in ran.stderr
    ran = manage(other, "restore", "--force", tmp_path / "first.tar")
    assert ran.returncode == 0, ran.stderr
    aside = next(other.glob("before-*"))
    assert (aside / "artifacts" / "mine").read_text() == "precious" and (aside / "db.sqlite3").exists()
    assert not (other / "artifacts" / "mine").exists()


ASIDE = """
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("select table_schema from information_schema.tables where table_name = 'chat_message'")
    print(len([name for name, in cursor.fetchall() if name.startswith("before_")]))
"""


@pytest.mark.once
def test_old_tables_of_a_server_are_set_aside_only_when_asked(filled, tmp_path):
    back_up(tmp_path / "first.tar")
    with server() as address:
        manage(tmp_path / "a", "restore", tmp_path / "first.tar", address=address)
        ran = manage(tmp_path / "b", "restore", tmp_path / "first.tar", address=address)
        assert ran.returncode == 1 and "tables in the database" in ran.stderr
        ran = manage(tmp_path / "b", "restore", "--force", tmp_path / "first.tar", address=address)
        assert ran.returncode == 0, ran.stderr
        assert manage(tmp_path / "b", "shell", "-c", ASIDE, address=address).stdout.split()[-1:] == ["1"]


@pytest.mark.once
def test_a_running_site_is_not_restored_over(filled, tmp_path):
    back_up(tmp_path / "first.tar")
    other = tmp_path / "other"
    other.mkdir()
    me = psutil.Process()
    state = {"web": {"pid": me.pid, "started": me.create_time(), "restarts": 0}}
    (other / "processes.json").write_text(json.dumps(state))
    ran = manage(other, "restore", "--force", tmp_path / "first.tar")
    assert ran.returncode == 1 and "running here: web" in ran.stderr


def test_a_backup_has_its_name_when_it_is_whole_and_belongs_to_its_owner(filled, tmp_path):
    back_up(tmp_path / "first.tar")
    assert (tmp_path / "first.tar").stat().st_mode & 0o777 == 0o600
    for place in (tmp_path / "first.tar", filled / "inside.tar"):
        with pytest.raises(ParleyError):
            back_up(place)
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".tar")] == ["first.tar"]
