"""Where a dataset's files come from: uploads, pasted text, a folder of the server, samples, another dataset."""

from __future__ import annotations

import csv
import io
import os
import re
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from modeling.datasets import check_start, sample_files
from modeling.errors import DataError
from webapp.datasets.models import Dataset, Upload
from webapp.datasets.uploads import check_space
from webapp.wording import spoken_of, stored

LISTED = 500  # files of the server's folder
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
SNIFFED = 20_000  # characters of a pasted text that show what it is
PIECE = 4 * 1024 * 1024  # bytes of a copy at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file to come: what people call it, and how it gets to its place."""

    name: str
    place: Callable[[Path], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFile:
    """A file that can be imported."""

    name: str  # its path below the folder
    bytes: int


def of_upload(upload: Upload) -> Source:
    """A finished upload. The file stays where it is as well, until the dataset is certain. Raises DataError."""
    if not upload.complete:
        raise DataError(_("“%(name)s” has not arrived in full. Wait for it, or upload it again.")
                        % {"name": upload.name})
    return Source(name=upload.name, place=partial(os.link, upload.path))


def of_text(text: str) -> Source:
    """Pasted text; what it is shows from its beginning."""
    data = text.replace("\r\n", "\n").encode("utf-8", "replace")
    return Source(name=f"{_('pasted')}{_suffix_of(text)}", place=partial(_write, data))


def of_sample(task: str) -> list[Source]:
    """The small dataset that shows what a job's data looks like."""
    return [Source(name=name, place=partial(_write, data)) for name, data in sample_files(task)]


def of_dataset(dataset: Dataset) -> list[Source]:
    """The files of another dataset; they never change, so both may share them."""
    return [Source(name=source["name"], place=partial(os.link, file))
            for source, file in zip(dataset.sources, dataset.source_files, strict=True)]


def of_server(names: Iterable[str]) -> list[Source]:
    """Files of the server's folder, by the names that `server_files` gives. Raises DataError for any other."""
    known = {file.name: file for file in server_files()}
    if missing := [name for name in names if name not in known]:
        raise DataError(_("“%(name)s” is not in the server's folder.") % {"name": missing[0][:200]})
    check_space(sum(known[name].bytes for name in names))
    return [Source(name=name.rsplit("/", 1)[-1][:255], place=partial(_import, name)) for name in names]


def server_files() -> list[ServerFile]:
    """What can be imported: regular files below settings.DATASET_FOLDER, no links, nothing hidden or unspeakable."""
    found: list[ServerFile] = []
    if (root := settings.DATASET_FOLDER) is None:
        return found
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(folder, name)
            size = _regular_size(path)
            if size and not name.startswith(".") and path.as_posix().isprintable():
                found.append(ServerFile(name=path.relative_to(root).as_posix(), bytes=size))
            if len(found) == LISTED:
                return found
    return found


def _regular_size(path: Path) -> int:
    """Bytes; 0 for what is no regular file, or is gone by now."""
    try:
        facts = path.lstat()
    except OSError:
        return 0
    return facts.st_size if stat.S_ISREG(facts.st_mode) else 0


def store(sources: Sequence[Source], folder: Path) -> list[dict[str, Any]]:
    """Put the files into `folder`, safely on disk, as `Dataset.sources` describes them. Raises DataError."""
    folder.mkdir(mode=0o700, parents=True)
    facts = []
    for number, source in enumerate(sources):
        path = folder / str(number) / safe_name(source.name, number)
        path.parent.mkdir(mode=0o700)
        try:
            source.place(path)
        except OSError as fault:
            raise DataError(_("“%(name)s” could not be stored: %(reason)s.")
                            % {"name": source.name, "reason": fault.strerror}) from None
        _sync(path)
        facts.append({"name": source.name, "bytes": path.stat().st_size, "file": f"{number}/{path.name}"})
        _sync(path.parent)
    _sync(folder)
    return facts


def safe_name(name: str, number: int) -> str:
    """What of a name may be on the disk, in a folder of its own: the library reads languages, splits and format in it.

    "talk.en" stays; "数据.csv" becomes "file0.csv".
    """
    safe = UNSAFE.sub("-", name.rsplit("/", 1)[-1])[-100:]
    return safe if safe[:1].isalnum() else f"file{number}{safe.lstrip('-')}"


def _suffix_of(text: str) -> str:
    """JSON and tabs are told by the library itself; lines with as many commas as the first one are CSV."""
    start = text.lstrip().replace("\r", "\n")
    if start[:1] in ("{", "["):
        return ".json"
    widths = [len(cells) for cells in islice(csv.reader(io.StringIO(start[:SNIFFED])), 20) if cells]
    return ".csv" if len(widths) > 1 and widths[0] > 1 and widths.count(widths[0]) > 0.8 * len(widths) else ".txt"


def _write(data: bytes, path: Path) -> None:
    path.write_bytes(data)


def _import(name: str, path: Path) -> None:
    """Copy a file of the server's folder; one that has become a link since is refused.

    Raises DataError, before the disk is filled, for what is no data: by its beginning, or by a piece of zeros alone,
    of which files with holes consist.
    """
    descriptor = os.open(settings.DATASET_FOLDER / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # no pipe blocks
    with os.fdopen(descriptor, "rb") as file, path.open("xb") as copy:
        size = left = os.fstat(descriptor).st_size  # what is still being written is taken as far as it is
        while piece := file.read(min(PIECE, left)):
            if left == size:
                _check_start(piece, path.name, name, size)
            if len(piece) == PIECE and not piece.strip(b"\0"):
                raise DataError(_("“%(name)s” holds nothing but zeros over a long stretch. It is damaged, or no data.")
                                % {"name": name})
            copy.write(piece)
            left -= len(piece)


def _check_start(piece: bytes, stored_as: str, name: str, size: int) -> None:
    """Raise DataError, in the reader's language, for what the library could not read."""
    try:
        check_start(piece, stored_as, size=size)
    except DataError as fault:
        raise DataError(spoken_of(stored(fault), {stored_as: name})) from None


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
