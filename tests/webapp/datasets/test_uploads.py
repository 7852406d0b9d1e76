"""Uploads in pieces: hostile names, wrong offsets, kills in the middle, and what is swept."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from modeling.errors import DataError
from tests.webapp.datasets.messages import begin, piece_address, put
from webapp.datasets import services, uploads
from webapp.datasets.models import Dataset, Upload

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("given, kept", [
    ("../../etc/passwd", "passwd"),
    ("/etc/shadow.csv", "shadow.csv"),
    ("C:\\Users\\me\\rows.csv", "rows.csv"),
    ("a\x00b\x1b[31m.csv", "ab[31m.csv"),
    ("\u202evsc.exe", "vsc.exe"),
    ("数据.csv", "数据.csv"),
])
def test_a_name_is_text_and_no_path(page, given, kept):
    begun = begin(page, name=given, bytes=3)
    assert begun.status_code == 201
    upload = Upload.objects.get()
    assert upload.name == kept
    assert upload.path == settings.HOME / "uploads" / str(upload.pk)


@pytest.mark.parametrize("wanted", [
    {"name": "x" * 4000, "bytes": 3}, {"name": "\x00", "bytes": 3}, {"name": "a/..", "bytes": 3},
    {"name": "", "bytes": 3}, {"name": "a.csv", "bytes": 0}, {"name": "a.csv", "bytes": -1},
    {"name": "a.csv", "bytes": 10 * 1024**3}, {"name": "a.csv", "bytes": "3"}, {"name": 7, "bytes": 3},
    {"name": "a.csv", "bytes": True}, {"name": "a.csv"}, [], 3, "[" * 100_000, '{"name": "a", "bytes": 1e999}',
])
def test_what_will_not_be_taken_is_refused_with_a_reason(page, wanted):
    answer = begin(page, **wanted) if isinstance(wanted, dict) else page.post(
        reverse("admin:datasets_upload_begin"), str(wanted), content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert not Upload.objects.exists()


def test_pieces_follow_on_one_another(page):
    upload = begin(page, name="a.csv", bytes=6).json()["id"]
    assert put(page, upload, 0, b"abc").json() == {"received": 3}
    assert put(page, upload, 3, b"def").json() == {"received": 6}
    assert Upload.objects.get().complete
    assert Upload.objects.get().path.read_bytes() == b"abcdef"


def test_a_wrong_offset_is_answered_with_where_it_stands(page):
    upload = begin(page, name="a.csv", bytes=6).json()["id"]
    put(page, upload, 0, b"abc")
    for offset in (0, 2, 6, 10**30):
        answer = put(page, upload, offset, b"xyz")
        assert (answer.status_code, answer.json()["received"]) == (409, 3)
    assert page.get(piece_address(upload, 0)).json() == {"received": 3}
    assert Upload.objects.get().path.read_bytes() == b"abc"


@pytest.mark.parametrize("offset, data", [("", b"a"), ("-1", b"a"), ("x", b"a"), ("1e3", b"a"), ("٣", b"a"), (0, b""),
                                          ("9" * 5000, b"a"), (0, b"longer than announced")])
def test_a_bad_piece_is_refused_and_changes_nothing(page, offset, data):
    upload = begin(page, name="a.csv", bytes=6).json()["id"]
    assert put(page, upload, offset, data).status_code == 400
    assert Upload.objects.get().received == 0


def test_a_piece_has_a_bound(page, monkeypatch):
    monkeypatch.setattr(uploads, "PIECE", 4)
    upload = begin(page, name="a.csv", bytes=6).json()["id"]
    assert put(page, upload, 0, b"abcde").status_code == 400
    assert put(page, upload, 0, b"abcd").json() == {"received": 4}


def test_bytes_that_a_killed_process_wrote_but_did_not_record_are_written_again(page):
    upload = begin(page, name="a.csv", bytes=6).json()["id"]
    put(page, upload, 0, b"abc")
    with Upload.objects.get().path.open("ab") as file:
        file.write(b"GARBAGE AND MORE")  # on the disk, but `received` never grew
    assert page.get(piece_address(upload, 0)).json() == {"received": 3}
    assert put(page, upload, 3, b"def").json() == {"received": 6}
    assert Upload.objects.get().path.read_bytes() == b"abcdef"


def test_an_upload_is_only_usable_in_full(page, owner):
    upload = begin(page, name="a.csv", bytes=6).json()["id"]
    put(page, upload, 0, b"abc")
    with pytest.raises(DataError, match="not arrived in full"):
        services.create_dataset(owner=owner, uploads=[Upload.objects.get()])
    assert not Dataset.objects.exists()
    assert not list((settings.HOME / "datasets").glob("*"))


def test_the_next_page_offers_what_has_not_been_finished(page):
    upload = begin(page, name="a<b>.csv", bytes=6).json()["id"]
    put(page, upload, 0, b"abc")
    shown = page.get(reverse("admin:datasets_dataset_add")).text
    assert f'data-id="{upload}" data-name="a&lt;b&gt;.csv" data-bytes="6" data-received="3"' in shown


def test_a_cancelled_upload_is_gone(page):
    upload = begin(page, name="a.csv", bytes=6).json()["id"]
    put(page, upload, 0, b"abc")
    path = Upload.objects.get().path
    assert page.delete(piece_address(upload, 0)).status_code == 204
    assert not path.exists()
    assert put(page, upload, 3, b"def").status_code == 404


def test_one_person_has_a_bounded_number_of_uploads(page, monkeypatch):
    monkeypatch.setattr(uploads, "AT_ONCE", 2)
    assert [begin(page, name="a.csv", bytes=6).status_code for _ in range(3)] == [201, 201, 400]


def test_a_full_disk_is_said_before_a_byte_comes(page, monkeypatch):
    monkeypatch.setattr(uploads.shutil, "disk_usage", lambda path: SimpleNamespace(free=uploads.RESERVE + 10))
    assert begin(page, name="a.csv", bytes=5).status_code == 201
    answer = begin(page, name="a.csv", bytes=5)
    assert answer.status_code == 400
    assert "disk is too full" in answer.json()["error"]


def test_another_trainer_does_not_see_it(page, stranger):
    upload = begin(page, name="a.csv", bytes=6).json()["id"]
    other = Client()
    other.force_login(stranger)
    assert put(other, upload, 0, b"abc").status_code == 404
    assert other.get(piece_address(upload, 0)).status_code == 404
    assert other.delete(piece_address(upload, 0)).status_code == 404
    assert Upload.objects.get().received == 0


def test_pieces_need_the_token_of_our_own_page(owner):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner)
    assert begin(strict, name="a.csv", bytes=6).status_code == 403
    upload = uploads.begin(owner=owner, name="a.csv", size=6)
    assert put(strict, upload.pk, 0, b"abc").status_code == 403
    token = strict.get(reverse("admin:datasets_dataset_add")).context["csrf_token"]
    sent = {"headers": {"X-CSRFToken": str(token)}, "content_type": "application/octet-stream"}
    assert strict.put(piece_address(upload.pk, 0), b"abc", **sent).status_code == 200
    sent["headers"]["Origin"] = "https://elsewhere.example"
    assert strict.put(piece_address(upload.pk, 3), b"def", **sent).status_code == 403


def test_what_nobody_went_on_with_is_swept_after_a_day(page, owner, arrived):
    old, fresh = arrived(name="old.csv"), arrived(name="fresh.csv")
    slow = arrived(name="slow.csv")
    Upload.objects.exclude(pk=fresh.pk).update(created=timezone.now() - timedelta(days=2))
    long_ago = time.time() - 2 * 24 * 3600
    os.utime(old.path, (long_ago, long_ago))  # the last piece of `slow` is recent
    orphan = settings.HOME / "uploads" / "without-a-row"
    half = settings.HOME / "datasets" / "00000000-0000-4000-8000-000000000000"
    half.mkdir(parents=True)
    orphan.write_text("left by a kill")
    for path in (orphan, half):
        os.utime(path, (long_ago, long_ago))
    whole = services.create_dataset(owner=owner, text="one\ntwo\n")
    os.utime(whole.folder, (long_ago, long_ago))
    call_command("sweepuploads")
    assert set(Upload.objects.all()) == {fresh, slow}
    assert not old.path.exists() and not orphan.exists() and not half.exists()
    assert fresh.path.exists() and whole.folder.exists()
