"""Words of English and Chinese running text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from modeling.errors import DataError
from modeling.text.cleaning import unescaped

_CHINESE = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_RUN = re.compile(f"[{_CHINESE}]+|[^\\W\\d_{_CHINESE}]+(?:['’][^\\W\\d_{_CHINESE}]+)*|\\d+")
_ANY_CHINESE = re.compile(f"[{_CHINESE}]")
_TAG = re.compile(r"<[^<>\n]{1,200}>")


def words(text: str, *, lowercase: bool = True) -> list[str]:
    """Words and numbers in their order, no punctuation; Chinese is cut into words by rjieba. Raises DataError."""
    if "&" in text or "<" in text:
        text = _TAG.sub(" ", unescaped(text))
    found = _RUN.findall(text.lower() if lowercase else text)
    return list(_cut(found)) if _ANY_CHINESE.search(text) else found


def _cut(runs: list[str]) -> Iterator[str]:
    segmenter = _segmenter()
    for run in runs:
        if _ANY_CHINESE.match(run):
            yield from segmenter.cut(run)
        else:
            yield run


def _segmenter() -> Any:
    """Imported when Chinese comes: what serves need not have it."""
    try:
        import rjieba
    except ImportError:
        raise DataError("the text is Chinese, and the package that finds Chinese words is missing",
                        remedy="Install what training needs: make setup") from None
    return rjieba
