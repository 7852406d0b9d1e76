"""Bytes of a text file to text: UTF-8, UTF-16 and GB18030 are told apart; what is no text is named and refused."""

from __future__ import annotations

import codecs

from modeling.errors import DataError

FORMATS_ALLOWED = ("Allowed are CSV, TSV, JSONL, JSON, Parquet, Excel (.xlsx), plain text, SQuAD JSON, TMX and "
                   "aligned text files")

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
    b"\x7fELF": "a program",
    b"MZ\x90": "a program",
    b"SQLite format 3": "an SQLite database",
    b"ARROW1": "an Arrow file",
}
_OLE = b"\xd0\xcf\x11\xe0"
MARKING = "parley.mark"  # error handler for codecs: wrong bytes become WRONG
WRONG = "\udcff"  # never comes out of a decoder otherwise
_PICKLE_PROTOCOLS = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))


def refuse_binary(data: bytes, name: str) -> None:
    """Raise DataError when `data` begins as a known file that holds no text."""
    if data.startswith(_PICKLE_PROTOCOLS) or name.lower().endswith((".pkl", ".pickle", ".pt", ".pth", ".joblib")):
        raise DataError(f"{name} is a pickle, which can run any code when it is opened",
                        allowed=FORMATS_ALLOWED, remedy="Save the data as CSV or JSONL and give that file")
    if data.startswith(_OLE):
        raise DataError(f"{name} is an old Office file (.xls), or one with a password",
                        allowed=FORMATS_ALLOWED, remedy="Open it and save it as .xlsx without a password, or as CSV")
    for magic, kind in _MAGIC.items():
        if data.startswith(magic):
            raise DataError(f"{name} is {kind}, not a data file", allowed=FORMATS_ALLOWED,
                            remedy="Export the data in one of these formats")


def decode(data: bytes, name: str) -> tuple[str, str]:
    """(text, encoding) of a whole file, line ends as they are and no byte order mark. Raises DataError."""
    encoding = detect(data, name)
    try:
        return _not_blank(data.decode(encoding), name), encoding
    except UnicodeDecodeError as error:
        raise _unknown_encoding(data, name, error) from None


def detect(data: bytes, name: str, *, size: int | None = None) -> str:
    """The encoding of a file of `size` bytes that begins with `data` (None: `data` is all of it).

    A few wrong bytes in what is otherwise UTF-8 do not change the answer. Raises DataError: empty, binary, unknown.
    """
    if not data.strip():
        raise _empty(name)
    refuse_binary(data, name)
    marks = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
    marked = next((encoding for mark, encoding in marks.items() if data.startswith(mark)), None)
    if encoding := marked or _utf16_without_mark(data, len(data) if size is None else size):
        return encoding
    if b"\0" in data:
        raise DataError(f"{name} is a binary file, not text", allowed=FORMATS_ALLOWED)
    whole = size is None or size == len(data)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data, final=whole)
        return "utf-8"
    except UnicodeDecodeError as error:
        if _is_gb18030(data, whole):
            return "gb18030"
        if _is_damaged_utf8(data):
            return "utf-8"
        raise _unknown_encoding(data, name, error) from None


def _empty(name: str) -> DataError:
    return DataError(f"{name} is empty", allowed="A data file has at least one row", remedy="Choose another file")


def _not_blank(text: str, name: str) -> str:
    if not text.strip():
        raise _empty(name)
    return text


def _unknown_encoding(data: bytes, name: str, error: UnicodeDecodeError) -> DataError:
    line = data.count(b"\n", 0, error.start) + 1
    return DataError(f"{name} is in an encoding that is not recognised (first at line {line}, byte "
                     f"0x{data[error.start]:02x}), or it is no text", allowed="UTF-8, UTF-16 and GB18030 are read",
                     remedy="Save the file as UTF-8")


def _is_damaged_utf8(data: bytes) -> bool:
    """At least twenty good characters beyond ASCII for each wrong byte: no other encoding looks like that."""
    text = data.decode("utf-8", MARKING)
    wrong = text.count(WRONG)
    return sum(ord(c) > 127 for c in text) - wrong >= 20 * wrong


def _utf16_without_mark(data: bytes, size: int) -> str | None:
    """UTF-16 of Latin text has a zero in every other byte; Chinese only common characters; binaries neither."""
    sample = data[: 4096 // 2 * 2]
    if len(sample) < 4 or size % 2:
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


def _is_gb18030(data: bytes, whole: bool) -> bool:
    """Whether `data` is plausible GB18030.

    Nearly every byte pair decodes, so that Latin-1 text would become rare characters; in Chinese text nearly all
    characters are those of GB2312, whose two bytes are both above 0xA0.
    """
    try:
        text = codecs.getincrementaldecoder("gb18030")().decode(data, final=whole)
    except UnicodeDecodeError:
        return False
    sample = [c for c in text[:200_000] if ord(c) > 127]
    common = sum(len(code := c.encode("gb18030")) == 2 and code[1] > 0xA0 for c in sample)
    controls = sum(c < " " and c not in "\t\n\r\f" for c in text[:200_000])
    return bool(sample) and common >= 0.9 * len(sample) and not controls


def _mark(error: UnicodeError) -> tuple[str, int]:
    if isinstance(error, UnicodeDecodeError):
        return WRONG, error.end
    raise error


codecs.register_error(MARKING, _mark)
