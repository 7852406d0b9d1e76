"""Artifacts as zip files: for download, and back from an upload that nobody vouches for."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from modeling.artifact.folder import FILE_NAME, MANIFEST, WEIGHTS, Artifact, sync
from modeling.errors import ArtifactError

CHUNK = 2**20
MAX_BYTES = 4 * 2**30
MAX_FILES = 100
ENTRY_BYTES = 512
"""Of the archive's table of contents, for each file at most: a longer one is an attack on memory."""
_END, _END_64, _LOCATOR_64, _LOCAL = (b"PK" + mark for mark in (b"\5\6", b"\6\6", b"\6\7", b"\3\4"))
_REMEDY = "Download the artifact again"


def pack(folder: Path | str, out: Path | str) -> Path:
    """Write a verified artifact as a zip, whole or not at all. The same artifact gives the same bytes."""
    artifact, out = Artifact.load(folder), Path(out)
    draft = out.with_name(f".{out.name}.{secrets.token_hex(6)}")
    try:
        with zipfile.ZipFile(draft, "x") as archive:
            for name in (MANIFEST, *sorted(artifact.manifest["files"])):
                info = zipfile.ZipInfo(name)  # of 1980: no date, so that nothing but the content counts
                info.external_attr = (stat.S_IFREG | 0o644) << 16
                info.compress_type = zipfile.ZIP_STORED if name == WEIGHTS else zipfile.ZIP_DEFLATED
                info.file_size = (artifact.path / name).stat().st_size
                with (artifact.path / name).open("rb") as source, archive.open(info, "w") as target:
                    shutil.copyfileobj(source, target, CHUNK)
        sync(draft)
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
    return out


def unpack(archive: Path | str, out: Path | str, *, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES) -> Artifact:
    """Unpack a zip of an artifact into the folder `out`, verified, or write nothing.

    The files may stand in one folder. Raises ArtifactError for anything that is not a plain file of an artifact under
    its own name, for more files or more bytes than allowed (counted while reading), and for what `Artifact.load`
    refuses.
    """
    path, out = Path(archive), Path(out).absolute()
    if os.path.lexists(out):
        raise ArtifactError(f"{out.name} exists", remedy="Choose another name or move it away")
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.parent / f".{out.name}.{secrets.token_hex(6)}"
    try:
        with path.open("rb") as file:
            _check_contents(file, max_files)
            with zipfile.ZipFile(file) as opened:
                temporary.mkdir()
                _extract(opened, _entries(opened, file, max_files), temporary, max_bytes)
        found = _loaded(temporary)
        if extra := {one.name for one in temporary.iterdir()} - {MANIFEST, *found.manifest["files"]}:
            raise ArtifactError(f"The manifest does not name {', '.join(sorted(extra)[:3])}", remedy=_REMEDY)
        sync(temporary)
        temporary.rename(out)
        sync(out.parent)
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise ArtifactError(f"{path.name} cannot be read as a zip: {error}", remedy=_REMEDY) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return Artifact(out, found.manifest)


def _loaded(folder: Path) -> Artifact:
    """The artifact in a temporary folder, whose place is nobody's business."""
    try:
        return Artifact.load(folder)
    except ArtifactError as error:
        found = error.found.replace(f"{folder}{os.sep}", "").replace(str(folder), "the archive")
        raise ArtifactError(found, allowed=error.allowed, remedy=error.remedy) from error


def _check_contents(file: IO[bytes], max_files: int) -> None:
    """Refuse a table of contents that would fill the memory, before the zipfile module reads it whole."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 98))
    tail = file.read()
    if len(tail) < 22 or tail[-22:-18] != _END or tail[-2:] != b"\0\0":
        raise ArtifactError("The file does not end as a zip without a comment does", remedy=_REMEDY)
    length = struct.unpack("<L", tail[-10:-6])[0]
    if tail[-42:-38] == _LOCATOR_64:
        if tail[-98:-94] != _END_64:
            raise ArtifactError("The archive's table of contents is not where it should be", remedy=_REMEDY)
        length = struct.unpack("<Q", tail[-58:-50])[0]
    if length > max_files * ENTRY_BYTES:
        raise ArtifactError("The archive lists too many files", allowed=f"An artifact has at most {max_files}")


def _entries(archive: zipfile.ZipFile, file: IO[bytes], max_files: int) -> list[tuple[str, zipfile.ZipInfo]]:
    """Each file's name and entry, checked: plain files of one folder, none twice, none inside another."""
    infos = [info for info in archive.infolist() if not info.orig_filename.endswith("/")]
    folders = [info for info in archive.infolist() if info.orig_filename.endswith("/")]
    if len(infos) + len(folders) > max_files:
        raise ArtifactError(f"The archive has {len(infos)} files", allowed=f"An artifact has at most {max_files}")
    manifests = [info.orig_filename for info in infos if info.orig_filename.split("/")[-1] == MANIFEST]
    if not manifests:
        raise ArtifactError(f"The archive has no {MANIFEST}", allowed="The zip of an artifact", remedy=_REMEDY)
    prefix = manifests[0].removesuffix(MANIFEST)
    if prefix and not FILE_NAME.fullmatch(prefix[:-1]):
        raise ArtifactError(f"{prefix!r} cannot be an artifact's folder", allowed="One folder, or none")
    if wrong := [info.orig_filename for info in folders if info.orig_filename != prefix or info.file_size]:
        raise ArtifactError(f"{wrong[0][:80]!r} cannot be in an artifact", allowed="Artifacts have no subfolders")
    found = [(_checked_name(info, prefix), info) for info in infos]
    if len({name.casefold() for name, _ in found}) < len(found):
        raise ArtifactError("The archive has a file twice", remedy=_REMEDY)
    _check_places(archive, file, infos)
    return found


def _checked_name(info: zipfile.ZipInfo, prefix: str) -> str:
    name, kind = info.orig_filename, stat.S_IFMT(info.external_attr >> 16)
    if not name.startswith(prefix) or not FILE_NAME.fullmatch(name.removeprefix(prefix)):
        raise ArtifactError(f"{name[:80]!r} cannot be a file of an artifact",
                            allowed="Letters, digits, dots and dashes, all in one folder")
    if kind not in (0, stat.S_IFREG):
        raise ArtifactError(f"{name!r} is not a plain file", allowed="Artifacts hold neither links nor devices")
    if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ArtifactError(f"{name!r} is encrypted, or packed in a rare way", allowed="Plain or deflated files")
    return name.removeprefix(prefix)


def _check_places(archive: zipfile.ZipFile, file: IO[bytes], infos: list[zipfile.ZipInfo]) -> None:
    """Refuse files whose bytes lie within one another's: a few megabytes would become petabytes."""
    ordered = sorted(infos, key=lambda info: info.header_offset)
    ends = [*(info.header_offset for info in ordered[1:]), archive.start_dir]
    for info, limit in zip(ordered, ends, strict=True):
        file.seek(info.header_offset)
        header = file.read(30)
        if len(header) < 30 or header[:4] != _LOCAL:
            raise ArtifactError(f"{info.filename!r} is not where the archive says", remedy=_REMEDY)
        if info.header_offset + 30 + sum(struct.unpack("<HH", header[26:])) + info.compress_size > limit:
            raise ArtifactError(f"{info.filename!r} overlaps another file of the archive", remedy=_REMEDY)


def _extract(
    archive: zipfile.ZipFile, entries: list[tuple[str, zipfile.ZipInfo]], folder: Path, max_bytes: int
) -> None:
    """Write the files, counting what really comes out."""
    left = max_bytes
    for name, info in entries:
        with (folder / name).open("xb") as target:
            for chunk in _chunks(archive, info):
                left -= len(chunk)
                if left < 0:
                    raise ArtifactError(f"The archive holds more than {max_bytes:,} bytes",
                                        remedy="Ask whoever runs this site to allow more")
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())


def _chunks(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(info) as source:
        while chunk := source.read(CHUNK):
            yield chunk
