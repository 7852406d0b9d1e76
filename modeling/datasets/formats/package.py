"""The ZIP archive that an Office file is, bounded before and while it is read: sizes, counts, nothing outside of it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from modeling.errors import DataError

MOST_STREAMED = 2 * 1024**3
"""Bytes of a part that is read as a stream, unpacked."""
_MOST_WHOLE, _MOST_TAGS = 8 * 1024**2, 200_000  # of a part that is read whole: a list of sheets, of styles
_MOST_DIRECTORY = 4 * 1024**2  # bytes: some 50,000 parts
_END, _ZIP64 = struct.Struct("<4s4H2LH"), b"PK\6\7"


class Package(ZipFile):
    """An archive of which small parts are read whole and large ones as streams. Raises DataError."""

    def __init__(self, path: Path) -> None:
        _check_directory(path)
        super().__init__(path)

    def read(self, name: str | ZipInfo, pwd: bytes | None = None) -> bytes:
        """A small part. What it announces may be a lie: no more than the limit is unpacked."""
        _check(self._info(name), _MOST_WHOLE)
        with self.open(name) as part:
            data = part.read(_MOST_WHOLE)
        if data.count(b"<") > _MOST_TAGS:
            raise DataError(f"the workbook has a part with more than {_MOST_TAGS:,} tags",
                            remedy="Copy the rows into a new workbook")
        if b"<!D" in data.replace(b"\0", b""):  # also in UTF-16
            raise DataError("the workbook declares entities of its own", allowed="None are needed, and they are "
                            "refused", remedy="Save it again as .xlsx, or as CSV")
        return data

    def stream(self, name: str) -> IO[bytes]:
        """A large part."""
        _check(self._info(name), MOST_STREAMED)
        return self.open(name)

    def _info(self, name: str | ZipInfo) -> ZipInfo:
        return name if isinstance(name, ZipInfo) else self.getinfo(name)


def _check(part: ZipInfo, most: int) -> None:
    if part.file_size > most:
        raise DataError(f"the workbook unpacks to too much: {part.filename}",
                        allowed=f"At most {most // 1024**2:,} MB a part", remedy="Save it as CSV")
    if part.flag_bits & 1 or part.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise BadZipFile(f"{part.filename} is encrypted or packed in an unusual way")


def _check_directory(path: Path) -> None:
    """Python reads the whole list of parts into memory: look how long it is before."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2**16 - _END.size))
        tail = file.read()
    start = tail.rfind(b"PK\5\6")
    if start < 0 or len(tail) < start + _END.size:
        raise BadZipFile("it has no end; it was cut off")
    # a list of the ZIP64 kind would count instead, and no workbook needs one
    if _END.unpack_from(tail, start)[5] > _MOST_DIRECTORY or tail[max(0, start - 20) :].startswith(_ZIP64):
        raise DataError("the workbook has too many parts", remedy="Save it as CSV")
