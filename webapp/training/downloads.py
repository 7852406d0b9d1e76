"""Artifacts on their way out: packed into a zip and sent piece by piece."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

from django.conf import settings
from django.http import StreamingHttpResponse

from modeling.artifact import pack
from webapp.datasets.uploads import check_space
from webapp.training.models import Artifact

PIECE = 1024 * 1024  # bytes
UNSAFE = re.compile(r"[^0-9A-Za-z_.-]+")


def zipped(artifact: Artifact) -> StreamingHttpResponse:
    """An attachment. The zip has no name on the disk when it is sent, so that nothing stays of an aborted download.

    Raises ArtifactError where the folder is not whole, DataError where the disk has no room for the zip.
    """
    check_space(artifact.bytes)
    with tempfile.TemporaryDirectory(dir=settings.HOME, prefix=".download-") as folder:
        path = Path(folder) / "artifact.zip"
        pack(artifact.folder, path)
        size, file = path.stat().st_size, path.open("rb")
    name = UNSAFE.sub("-", artifact.name).strip("-.") or "artifact"
    return StreamingHttpResponse(_pieces(file), content_type="application/zip", headers={
        "Content-Disposition": f'attachment; filename="{name}.zip"', "Content-Length": str(size),
        "X-Content-Type-Options": "nosniff"})


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
