"""Downloads: streamed piece by piece, as attachments that no browser takes for a page."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

from modeling.datasets import escaped

PIECE = 256 * 1024  # bytes
ROWS = 500  # in a piece of a table
PROBLEM = ("file", "line", "column", "severity", "message")


def attachment(pieces: Iterator[bytes], *, name: str, content_type: str) -> StreamingHttpResponse:
    """A response that saves `pieces` under `name`. Memory holds one piece at a time, under ASGI too."""
    return StreamingHttpResponse(_one_by_one(pieces), content_type=content_type, headers={
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}", "X-Content-Type-Options": "nosniff"})


async def _one_by_one(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    following = sync_to_async(partial(next, pieces, b""), thread_sensitive=False)
    while piece := await following():
        yield piece


def file_pieces(path: Path) -> Iterator[bytes]:
    """A file as it is."""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def problem_pieces(path: Path, names: dict[str, str]) -> Iterator[bytes]:
    """problems.jsonl as CSV for people. `names` are the files as they were called when they came."""
    with path.open(encoding="utf-8") as file:
        rows = ([names.get(str(found.get("file")), found.get("file")) if field == "file" else found.get(field)
                 for field in PROBLEM] for found in map(json.loads, file))
        yield "\ufeff".encode() + _csv([PROBLEM])  # the mark tells spreadsheets that it is UTF-8
        while some := list(islice(rows, ROWS)):
            yield _csv(some)


def _csv(rows: Any) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([escaped(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8", "replace")
