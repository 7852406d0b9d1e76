"""Where a dataset's files come from: uploads, pasted text, a folder of the server, samples, another dataset."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from modeling.datasets import sample_files
from modeling.errors import DataError
from webapp.datasets.models import Dataset, Upload
from webapp.datasets.uploads import check_space

LISTED = 500  # files of the server's folder
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
SNIFFED = 20_000  # characters of a pasted text that show what it is


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
    """What can be imported: regular files below settings.DATASET_FOLDER, no links, nothing hidden."""
    found: list[ServerFile] = []
    if (root := settings.DATASET_FOLDER) is None:
        return found
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(folder, name)
            facts = path.lstat()
            if not name.startswith(".") and stat.S_ISREG(facts.st_mode) and facts.st_size:
                found.append(ServerFile(name=path.relative_to(root).as_posix(), bytes=facts.st_size))
            if len(found) == LISTED:
                return found
    return found


def store(sources: Sequence[Source], folder: Path) -> list[dict[str, Any]]:
    """Put the files into `folder`, safely on disk, as `Dataset.sources` describes them. Raises DataError."""
    folder.mkdir(mode=0o700, parents=True)
    stored = []
    for number, source in enumerate(sources):
        path = folder / str(number) / safe_name(source.name, number)
        path.parent.mkdir(mode=0o700)
        try:
            source.place(path)
        except OSError as fault:
            raise DataError(_("“%(name)s” could not be stored: %(reason)s.")
                            % {"name": source.name, "reason": fault.strerror}) from None
        _sync(path)
        stored.append({"name": source.name, "bytes": path.stat().st_size, "file": f"{number}/{path.name}"})
        _sync(path.parent)
    _sync(folder)
    return stored


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
    """Copy a file of the server's folder; one that has become a link since is refused."""
    descriptor = os.open(settings.DATASET_FOLDER / name, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as file, path.open("xb") as copy:
        shutil.copyfileobj(file, copy, 4 * 1024 * 1024)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
