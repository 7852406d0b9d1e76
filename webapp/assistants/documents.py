"""Documents to be asked about: what is taken, and how a child with limits reads and indexes it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from modeling.errors import RequestError
from webapp.assistants.models import StoredDocument

log = logging.getLogger(__name__)

KINDS = (".txt", ".md", ".pdf", ".csv", ".tsv", ".jsonl", ".json", ".xlsx", ".xlsm")  # tables are FAQs
CHILDREN = 3  # documents that are read at once: each may take DOCUMENT_MEMORY
TOO_SLOW = gettext_noop("Reading it took too long. Try a shorter document, or its plain text.")
BROKE = gettext_noop("It could not be read. It may be damaged, or need more memory than is allowed.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What came of reading a document: `fault` in plain words, a part a line; or figures and an index."""

    fault: str = ""
    facts: dict[str, int] = field(default_factory=dict)  # passages or questions, characters


def checked(file: UploadedFile) -> str:
    """The document's name. Raises RequestError for another kind of file or one too large."""
    name = Path(file.name or "").name[-200:]
    if Path(name).suffix.lower() not in KINDS:
        raise RequestError(_("“%(name)s” is no document and no list of questions") % {"name": name},
                           remedy=_("Add .txt, .md or .pdf, or questions with answers as .csv or .jsonl"))
    if file.size is None or file.size > settings.DOCUMENT_BYTES:
        raise RequestError(_("“%(name)s” is too large") % {"name": name},
                           allowed=_("At most %(size)s MB are allowed") % {"size": settings.DOCUMENT_BYTES // 2**20})
    if file.size == 0:
        raise RequestError(_("“%(name)s” is empty") % {"name": name})
    return name


def keep(document: StoredDocument, file: UploadedFile) -> None:
    """Write the file into the document's folder, where only this site's account can read it."""
    document.folder.mkdir(parents=True, mode=0o700)
    with document.source.open("xb") as out:
        for piece in file.chunks():
            out.write(piece)


_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


async def index(document: StoredDocument) -> Reading:
    """Read and index it in its turn, so that many documents at once take no more memory than a few."""
    turns = _turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(CHILDREN))
    async with turns:
        return await _indexed(document)


async def _indexed(document: StoredDocument) -> Reading:
    """By a child that gets an argument list, limits, and its own process group."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "modeling.cli.index", str(document.source), f"--title={Path(document.name).stem}",
        "--out", str(document.index), *_embedding(),
        "--seconds", str(settings.DOCUMENT_SECONDS), cwd=settings.ROOT, start_new_session=True,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", ""), "OPENBLAS_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"},
    )
    try:
        out, errors = await asyncio.wait_for(child.communicate(), settings.DOCUMENT_SECONDS)
    except TimeoutError:
        return Reading(fault=TOO_SLOW)
    finally:
        if child.returncode is None:
            os.killpg(child.pid, signal.SIGKILL)
            await child.wait()
    if child.returncode == 0:
        return Reading(facts=json.loads(out))
    message = errors.decode("utf-8", "replace").strip().replace(document.source.name, "It")
    if child.returncode != 2:
        log.warning("reading document %s ended with %s: %s", document.pk, child.returncode, message[-500:])
    return Reading(fault=message[-500:] if child.returncode == 2 else BROKE)


def _embedding() -> list[str]:
    """Where the site names an embedder, it gets more room: ONNX Runtime maps much that it never uses."""
    if settings.EMBEDDER is None:
        return ["--memory", str(settings.DOCUMENT_MEMORY)]
    return ["--memory", str(settings.EMBEDDER_MEMORY), "--embedder", str(settings.EMBEDDER)]


def discard(document: StoredDocument) -> None:
    """Delete its files, a half-written index included."""
    shutil.rmtree(document.folder, ignore_errors=True)


@receiver(post_delete)
def erase(sender: Any, instance: Any, **_: Any) -> None:
    """A document's files go with its row, whatever it was deleted with."""
    if isinstance(instance, StoredDocument):
        folder = instance.folder  # the row's id is gone when this is carried out
        transaction.on_commit(lambda: shutil.rmtree(folder, ignore_errors=True))
