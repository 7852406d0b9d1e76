"""Documents to search and to ask about: text, Markdown and PDF to plain text."""

from __future__ import annotations

import os
import re
from pathlib import Path

from modeling.datasets.encoding import decode
from modeling.errors import DataError

MOST_BYTES = 50 * 1024**2
MOST_PAGES = 1000
MOST_CHARACTERS = 10_000_000
_ALLOWED = "Text (.txt), Markdown (.md) and PDF can be read"

_FENCE = re.compile(r"^(```|~~~).*$", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}[ \t]+(\S.*)$", re.MULTILINE)
_SETEXT = re.compile(r"^(?=\S)(.+)\n(?:=+|-{3,})[ \t]*$", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\[\]\n]{0,500})\]\([^()\s]{0,2000}(?:[ \t]+\"[^\"\n]{0,500}\")?\)")
_EMPHASIS = re.compile(r"(?<![\w*])(\*{1,3}|_{1,3}|`)(?=\S)([^*_`\n]{1,1000}?)(?<=\S)\1(?![\w*])")
_COMMENT = re.compile(r"<!--(?:(?!<!--|-->).)*-->", re.DOTALL)
_RULE = re.compile(r"^[ \t]*([-*_])(?:[ \t]*\1){2,}[ \t]*$", re.MULTILINE)
_HYPHENATED = re.compile(r"(?<=[a-z])-\n(?=[a-z])")
_WRAPPED = re.compile(r"(?<=[^\n.!?。！？:：])\n(?=[^\n\s•\-*])")
_CHINESE_WRAP = re.compile("(?<=[\u3400-\u9fff，、])\n(?=[\u3400-\u9fff，。、])")


def document_text(path: str | os.PathLike[str]) -> tuple[str, str]:
    """(title, text) of a .txt, .md or .pdf file. Raises DataError: empty, too large, no text, damaged."""
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".txt", ".text", ".md", ".markdown", ".pdf"):
        raise DataError(f"{path.name} is no document that can be read", allowed=_ALLOWED,
                        remedy="Save it as one of these")
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise DataError(f"{path.name} has {size / 1024**2:.0f} MB", allowed=f"At most {MOST_BYTES // 1024**2} MB",
                            remedy="Split the document")
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror or error}", remedy="Check the path") from None
    if not data.strip():
        raise DataError(f"{path.name} has no text", allowed=_ALLOWED)
    if suffix == ".pdf":
        title, text = _pdf(path, data)
    else:
        text = decode(data, path.name)[0].replace("\r\n", "\n").replace("\r", "\n")
        title, text = markdown_text(text) if suffix in (".md", ".markdown") else ("", text.strip())
    if not text:
        raise DataError(f"{path.name} has no text", allowed=_ALLOWED)
    if len(text) > MOST_CHARACTERS:
        raise DataError(f"{path.name} has {len(text):,} characters", allowed=f"At most {MOST_CHARACTERS:,}",
                        remedy="Split the document")
    return title or path.stem.replace("_", " ").replace("-", " ").strip(), text


def markdown_text(text: str) -> tuple[str, str]:
    """(title, text): the first heading, and the words without Markdown's marks; further headings are paragraphs."""
    text = _SETEXT.sub(r"# \1", _FENCE.sub("", _COMMENT.sub("", text)))
    heading = _HEADING.search(text)
    text = _RULE.sub("", text)
    text = _HEADING.sub(lambda match: f"\n{match[1].rstrip(' #')}\n", text)
    text = _LINK.sub(r"\1", _LINK.sub(r"\1", text))  # twice: a picture can stand in a link
    text = _EMPHASIS.sub(r"\2", _EMPHASIS.sub(r"\2", text))
    title = _EMPHASIS.sub(r"\2", _LINK.sub(r"\1", heading[1].rstrip(" #\t"))).strip() if heading else ""
    text = re.sub(r"\n{3,}", "\n\n", text).strip()
    body = text.removeprefix(title).lstrip()
    return title, body or text


def _pdf(path: Path, data: bytes) -> tuple[str, str]:
    import logging

    from pypdf import PdfReader  # takes 0.1 s, and most processes never read one

    logging.getLogger("pypdf").setLevel(logging.ERROR)  # it warns about every small fault of the file
    if not data.lstrip()[:5].startswith(b"%PDF"):
        raise DataError(f"{path.name} is no PDF, or it is empty", allowed=_ALLOWED)
    try:
        reader = PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise DataError(f"{path.name} is locked with a password", remedy="Save it without a password")
        if len(reader.pages) > MOST_PAGES:
            raise DataError(f"{path.name} has {len(reader.pages):,} pages", allowed=f"At most {MOST_PAGES:,}",
                            remedy="Split the document")
        title = str((reader.metadata and reader.metadata.title) or "").strip()
        text = _pages(reader, path.name)
    except DataError:
        raise
    except Exception as error:  # a damaged PDF raises nearly anything, from KeyError to RecursionError
        raise DataError(f"{path.name} is damaged: {type(error).__name__}: {str(error)[:200]}",
                        remedy="Open it in a reader and save it again") from None
    if not text:
        raise DataError(f"{path.name} has no text in it, probably scanned pages", allowed=_ALLOWED,
                        remedy="Run it through text recognition first")
    return title, text


def _pages(reader: object, name: str) -> str:
    pages: list[str] = []
    size = 0
    for page in reader.pages:  # type: ignore[attr-defined]
        pages.append(page.extract_text() or "")
        size += len(pages[-1])
        if size > MOST_CHARACTERS:
            raise DataError(f"{name} has more than {MOST_CHARACTERS:,} characters", remedy="Split the document")
    return "\n\n".join(filter(None, map(_flowing, pages)))


def _flowing(page: str) -> str:
    """A page's lines joined to paragraphs, words that were parted at line ends mended."""
    page = "".join(c for c in page.replace("\r", "\n") if c >= " " or c == "\n")
    page = "\n".join(line.strip() for line in page.split("\n")).strip()
    return _WRAPPED.sub(" ", _CHINESE_WRAP.sub("", _HYPHENATED.sub("", page)))
