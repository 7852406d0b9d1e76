"""Files on their way in, piece by piece. `received` grows only when the bytes are on the disk, so a kill costs a piece.

A piece is written at `received`, and what a killed process left behind that place is cut off first. Nothing of a file
is a dataset before all of it is here.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
import unicodedata
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from modeling.errors import DataError
from webapp.accounts.models import User
from webapp.datasets.models import Dataset, Upload

PIECE = 8 * 1024 * 1024  # bytes of one request
AT_ONCE = 20  # unfinished uploads of one person
KEPT = timedelta(days=1)  # for which an unfinished upload waits to be gone on with
RESERVE = 256 * 1024 * 1024  # bytes of disk that stay free


class OffsetError(DataError):
    """A piece for another place than `received`, where the upload stands."""

    def __init__(self, received: int) -> None:
        self.received = received
        super().__init__(_("This piece does not follow on what is here."))


def clean_name(name: str) -> str:
    """The last part of what a browser calls a file, without characters that cannot be seen. Raises DataError."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    clean = "".join(char for char in last if not unicodedata.category(char).startswith("C")).strip()
    if not clean or clean in (".", ".."):
        raise DataError(_("The file has no name. Give it one."))
    if len(clean) > 255:
        raise DataError(_("The file's name has %(found)s characters; at most 255 are allowed. Rename the file.")
                        % {"found": f"{len(clean):,}"})
    return clean


def check_space(needed: int) -> None:
    """Raise DataError when the disk would not hold a file of that size, its rows, and what is still to come."""
    coming = sum(upload.bytes - upload.received for upload in Upload.objects.all())
    if shutil.disk_usage(settings.HOME).free < 2 * needed + coming + RESERVE:
        raise DataError(_("The server's disk is too full for this file. Its administrator has to make room."))


def begin(*, owner: User, name: str, size: int) -> Upload:
    """Expect a file of `size` bytes. Raises DataError for what will not be taken, before a byte has come."""
    name = clean_name(name)
    if size < 1:
        raise DataError(_("The file is empty."))
    if size > settings.DATASET_BYTES:
        raise DataError(_("The file has %(found)s MB; at most %(allowed)s MB are taken here. Larger files come in from "
                          "a folder on the server.")
                        % {"found": f"{size >> 20:,}", "allowed": f"{settings.DATASET_BYTES >> 20:,}"})
    if Upload.objects.visible_to(owner).filter(owner=owner).count() >= AT_ONCE:
        raise DataError(_("%(count)s of your uploads are waiting already. Make datasets of them, or cancel some.")
                        % {"count": AT_ONCE})
    check_space(size)
    return Upload.objects.create(owner=owner, name=name, bytes=size)


def append(*, upload: Upload, offset: int, piece: IO[bytes]) -> int:
    """Write the piece that stands at `offset`. Returns `received`. Raises OffsetError, DataError."""
    with _locked(upload) as file:
        received = Upload.objects.values_list("received", flat=True).get(pk=upload.pk)
        if offset != received:
            raise OffsetError(received)
        file.truncate(received)
        file.seek(received)
        written = _copy(piece, file, most=min(PIECE, upload.bytes - received))
        file.flush()
        os.fsync(file.fileno())
        Upload.objects.filter(pk=upload.pk, received=received).update(received=received + written)
    return received + written


@contextmanager
def _locked(upload: Upload) -> Iterator[IO[bytes]]:
    """The upload's file, for this writer alone: a piece sent twice must not cut off what the first one wrote."""
    upload.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(upload.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _copy(piece: IO[bytes], file: IO[bytes], *, most: int) -> int:
    """Bytes copied. Raises DataError when there are more than `most`, or none."""
    written = 0
    while block := piece.read(1024 * 1024):
        written += len(block)
        if written > most:
            raise DataError(_("The piece is longer than what was announced."))
        file.write(block)
    if not written:
        raise DataError(_("The piece is empty."))
    return written


def discard(*, upload: Upload) -> None:
    """Forget an upload and its bytes."""
    Upload.objects.filter(pk=upload.pk).delete()
    upload.path.unlink(missing_ok=True)


def sweep(*, kept: timedelta = KEPT) -> int:
    """Remove uploads that nobody went on with, and files and folders that a kill left without a row. Returns how many.

    An upload counts from its last piece on.
    """
    old = timezone.now() - kept
    gone = 0
    for upload in Upload.objects.filter(created__lt=old):
        if not upload.path.exists() or upload.path.stat().st_mtime < old.timestamp():
            discard(upload=upload)
            gone += 1
    gone += _sweep_folder(settings.HOME / "uploads", known=Upload.objects.values_list("pk", flat=True), kept=kept)
    return gone + _sweep_folder(settings.HOME / "datasets", known=Dataset.objects.values_list("pk", flat=True),
                                kept=kept)


def _sweep_folder(folder: Path, *, known: Iterator[uuid.UUID], kept: timedelta) -> int:
    """Remove what lies in `folder` under no known id and has not been touched for long."""
    names, gone = {str(pk) for pk in known}, 0
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in names and path.lstat().st_mtime < time.time() - kept.total_seconds():
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            gone += 1
    return gone
