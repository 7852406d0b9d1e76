"""A backup: one tar of rows and files, with the SHA-256 of each in the manifest at its end.

home/...            datasets, artifacts, evaluations, documents, indexes, and the site's key
database/*.jsonl    the rows, a file a table
manifest.json       what there is, by which Parley, from when
manifest.sha256     its own hash
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

from django.conf import settings
from django.db import connection

from modeling.errors import DataError, ParleyError
from webapp.datasets.models import DatasetVersion
from webapp.operations import rows
from webapp.operations.health import versions
from webapp.training.models import Artifact
from webapp.vectors.models import WordVectors

FORMAT = 1
MANIFEST, SEAL = "manifest.json", "manifest.sha256"
KEPT = ("secret.key", "admin.password")  # files; besides them folders
LEFT_OUT = ("logs", "runs", "uploads", "imports")  # what goes on only while it goes on
ROUNDS = 10  # looks at rows and files until they fit
PIECE = 1024 * 1024
ANOTHER = "Take another backup; nothing has been changed"


class Hashing:
    """Reads a file, and knows the SHA-256 of what was read."""

    def __init__(self, file: IO[bytes]) -> None:
        """`file` is open."""
        self._file, self.digest, self.bytes = file, hashlib.sha256(), 0

    def read(self, size: int = -1) -> bytes:
        """As a file does."""
        piece = self._file.read(size)
        self.digest.update(piece)
        self.bytes += len(piece)
        return piece


def back_up(target: Path) -> dict[str, Any]:
    """Write a backup of the site, which may be running, to `target`. Returns the manifest.

    It appears whole under its name or not at all. Raises ParleyError when it may not go there.
    """
    target = target.absolute()
    if target.exists():
        raise ParleyError(f"There is a file {target} already", remedy="Choose another name")
    if target.is_relative_to(settings.HOME):
        raise ParleyError(f"{target} lies in the site's own folder", remedy="Choose a place that outlives it")
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    with tempfile.TemporaryDirectory(dir=settings.HOME, prefix=".backup-") as name:
        facts = _capture(Path(name))
        try:
            manifest = _pack(Path(name), draft, facts)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
    return manifest


def _capture(folder: Path) -> dict[str, Any]:
    """Rows and files of one moment. Files are linked, not copied, so the moment is short.

    Files come before their row and go after it. So where a row has none, it was deleted in between: look again.
    """
    for _round in range(ROUNDS):
        for part in ("home", "database"):
            shutil.rmtree(folder / part, ignore_errors=True)
            (folder / part).mkdir()
        with rows.snapshot():
            facts = {"rows": rows.write(folder / "database"), "migrations": rows.migrations()}
            expected = list(_expected())
        _link_all(folder / "home")
        facts["missing"] = [str(path) for path in expected if not (folder / "home" / path).exists()]
        if not facts["missing"]:
            break
    return facts


def _expected() -> Iterator[Path]:
    """Folders, below the home, that the rows of this moment speak of."""
    for version in DatasetVersion.objects.ready().select_related("dataset"):
        yield version.folder.relative_to(settings.HOME)
    for vectors in WordVectors.objects.ready():
        yield vectors.folder.relative_to(settings.HOME)
    for artifact in Artifact.objects.exclude(origin="starter"):
        if artifact.folder.is_relative_to(settings.HOME):
            yield artifact.folder.relative_to(settings.HOME)


def _link_all(target: Path) -> None:
    for name in KEPT:
        if (settings.HOME / name).exists():
            _link(settings.HOME / name, target / name)
    for folder in settings.HOME.iterdir():
        if folder.is_dir() and not folder.name.startswith(".") and folder.name not in LEFT_OUT:
            for path in _files(folder):
                _link(path, target / path.relative_to(settings.HOME))


def _files(folder: Path) -> Iterator[Path]:
    """What is finished in it. Folders that go while they are looked at are as if they had gone before."""
    for place, _folders, names in os.walk(folder):
        for path in sorted(Path(place, name) for name in names):
            if path.is_file() and not path.is_symlink() and not _unfinished(path.relative_to(settings.HOME)):
                yield path


def _unfinished(path: Path) -> bool:
    return any(part.startswith(".") or part == "building" or part.endswith(".attempts") for part in path.parts)


def _link(source: Path, target: Path) -> None:
    """A second name for the file, which keeps it when the first one goes; a copy where the disk has no such names."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except FileNotFoundError:
        return
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(source, target)


def _pack(folder: Path, target: Path, facts: dict[str, Any]) -> dict[str, Any]:
    files: dict[str, Any] = {}
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                name = str(PurePosixPath(path.relative_to(folder)))
                files[name] = _add(archive, name, path)
            manifest = {"format": FORMAT, "parley": versions()["parley"], "database": connection.vendor,
                        "created": datetime.now(UTC).isoformat(timespec="seconds"), **facts, "files": files}
            text = json.dumps(manifest, ensure_ascii=False, indent=1).encode()
            for name, content in ((MANIFEST, text), (SEAL, _seal(text))):
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        out.flush()
        os.fsync(out.fileno())
    return manifest


def _add(archive: tarfile.TarFile, name: str, path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mtime, entry.mode = os.fstat(file.fileno()).st_size, int(path.stat().st_mtime), 0o600
        hashing = Hashing(file)
        archive.addfile(entry, hashing)
    return {"bytes": entry.size, "sha256": hashing.digest.hexdigest()}


def verified(source: Path) -> dict[str, Any]:
    """The manifest of a backup whose every byte has been checked. Raises DataError for any other file."""
    found: dict[str, Any] = {}
    end: dict[str, bytes] = {}
    try:
        with tarfile.open(source, mode="r:") as archive:
            for entry in archive:
                if entry.name in (MANIFEST, SEAL) and entry.isreg():
                    end[entry.name] = _opened(archive, entry).read()
                else:
                    name = _safe(entry, found)
                    found[name] = _measured(archive, entry)
        if end[SEAL] != _seal(end[MANIFEST]):
            raise ValueError("its manifest is not what was written")
        manifest = json.loads(end[MANIFEST])
    except KeyError:
        raise DataError(f"{source.name} has no end", remedy=ANOTHER) from None
    except (tarfile.TarError, ValueError, EOFError) as fault:
        raise DataError(f"{source.name} is no whole backup of Parley: {fault}", remedy=ANOTHER) from fault
    if manifest["format"] != FORMAT:
        raise DataError(f"{source.name} has the format {manifest['format']}", allowed=f"Known is {FORMAT}",
                        remedy="Restore it with the version of Parley that wrote it")
    if wrong := sorted(name for name in found | manifest["files"] if found.get(name) != manifest["files"].get(name)):
        raise DataError(f"{source.name} is damaged: {', '.join(wrong[:3])} is not what was written", remedy=ANOTHER)
    return manifest


def _seal(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest().encode()


def extract(source: Path, folder: Path) -> None:
    """Unpack a verified backup into an empty folder: `home`, `database`. Raises DataError."""
    seen: dict[str, Any] = {}
    with tarfile.open(source, mode="r:") as archive:
        for entry in archive:
            if entry.name in (MANIFEST, SEAL):
                continue
            path = folder / _safe(entry, seen)
            seen[entry.name] = True
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with path.open("wb") as out:
                shutil.copyfileobj(_opened(archive, entry), out, PIECE)
            path.chmod(0o600)
            os.utime(path, (entry.mtime, entry.mtime))


def _safe(entry: tarfile.TarInfo, seen: dict[str, Any]) -> str:
    """The name of a plain file inside `home` or `database`, for the first time."""
    parts = PurePosixPath(entry.name).parts
    inside = len(parts) > 1 and parts[0] in ("home", "database") and ".." not in parts and "\0" not in entry.name
    if not entry.isreg() or not inside or entry.name in seen:
        raise DataError(f"{entry.name!r} does not belong into a backup", remedy=ANOTHER)
    return entry.name


def _measured(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> dict[str, Any]:
    hashing = Hashing(_opened(archive, entry))
    while hashing.read(PIECE):
        pass
    return {"bytes": hashing.bytes, "sha256": hashing.digest.hexdigest()}


def _opened(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    file = archive.extractfile(entry)
    if file is None:
        raise DataError(f"{entry.name!r} is no file", remedy=ANOTHER)
    return file
