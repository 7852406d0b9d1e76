"""Bytes of a text file to text: UTF-8, UTF-16 and GB18030 are told apart; what is no text is named and refused."""

from __future__ import annotations

import codecs

from modeling.errors import DataError

FORMATS_ALLOWED = "Allowed are CSV, TSV, JSONL, JSON, Parquet, plain text, SQuAD JSON, TMX and aligned text files"

_MAGIC: dict[bytes, str] = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"PK\x03\x04": "a ZIP archive (or an Office or PyTorch file, which are ZIP archives)",
    b"PK\x05\x06": "an empty ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"%PDF": "a PDF document",
    b"\xd0\xcf\x11\xe0": "an old Office file",
    b"\x7fELF": "a program",
    b"MZ\x90": "a program",
    b"SQLite format 3": "an SQLite database",
    b"ARROW1": "an Arrow file",
}
_PICKLE_PROTOCOLS = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))


def refuse_binary(data: bytes, name: str) -> None:
    """Raise DataError when `data` begins as a known file that holds no text."""
    if data.startswith(_PICKLE_PROTOCOLS) or name.lower().endswith((".pkl", ".pickle", ".pt", ".pth", ".joblib")):
        raise DataError(f"{name} is a pickle, which can run any code when it is opened",
                        allowed=FORMATS_ALLOWED, remedy="Save the data as CSV or JSONL and give that file")
    for magic, kind in _MAGIC.items():
        if data.startswith(magic):
            raise DataError(f"{name} is {kind}, not a data file", allowed=FORMATS_ALLOWED,
                            remedy="Export the data in one of these formats")


def decode(data: bytes, name: str) -> tuple[str, str]:
    """(text, encoding) with line ends as they are and no byte order mark. Raises DataError."""
    if not data.strip():
        raise DataError(f"{name} is empty", allowed="A data file has at least one row", remedy="Choose another file")
    refuse_binary(data, name)
    for mark, encoding in ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"),
                           (codecs.BOM_UTF16_BE, "utf-16")):
        if data.startswith(mark):
            return _not_blank(_strict(data, encoding, name), name), encoding
    if unmarked := _utf16_without_mark(data):
        return _not_blank(_strict(data, unmarked, name), name), unmarked
    if b"\0" in data:
        raise DataError(f"{name} is a binary file, not text", allowed=FORMATS_ALLOWED)
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        if (text := _gb18030(data)) is not None:
            return text, "gb18030"
        raise _unknown_encoding(data, name, error) from None


def _not_blank(text: str, name: str) -> str:
    if not text.strip():
        raise DataError(f"{name} is empty", allowed="A data file has at least one row", remedy="Choose another file")
    return text


def _strict(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise _unknown_encoding(data, name, error) from None


def _unknown_encoding(data: bytes, name: str, error: UnicodeDecodeError) -> DataError:
    line = data.count(b"\n", 0, error.start) + 1
    return DataError(f"{name} is in an encoding that is not recognised (first at line {line}, byte "
                     f"0x{data[error.start]:02x}), or it is no text", allowed="UTF-8, UTF-16 and GB18030 are read",
                     remedy="Save the file as UTF-8")


def _utf16_without_mark(data: bytes) -> str | None:
    """UTF-16 of Latin text has a zero in every other byte; Chinese only common characters; binaries neither."""
    sample = data[: 4096 // 2 * 2]
    if len(sample) < 4 or len(data) % 2:
        return None
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if odd > 0.3 * half and even < 0.02 * half:
        return "utf-16-le"
    if even > 0.3 * half and odd < 0.02 * half:
        return "utf-16-be"
    if b"\0" not in sample:  # Chinese alone would have one at every line end
        return None
    for encoding in ("utf-16-le", "utf-16-be"):
        text = sample.decode(encoding, "replace")
        if sum("\u4e00" <= c <= "\u9fff" or "\u3000" <= c <= "\u303f" or " " <= c <= "~" or c in "\r\n\t，！？：；（）"
               for c in text) > 0.9 * len(text):
            return encoding
    return None


def _gb18030(data: bytes) -> str | None:
    """The text if `data` is plausible GB18030.

    Nearly every byte pair decodes, so that Latin-1 text would become rare characters; in Chinese text nearly all
    characters are those of GB2312, whose two bytes are both above 0xA0.
    """
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        return None
    sample = [c for c in text[:200_000] if ord(c) > 127]
    common = sum(len(code := c.encode("gb18030")) == 2 and code[1] > 0xA0 for c in sample)
    controls = sum(c < " " and c not in "\t\n\r\f" for c in text[:200_000])
    return text if sample and common >= 0.9 * len(sample) and not controls else None
