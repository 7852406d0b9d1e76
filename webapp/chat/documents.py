"""Visitors' documents: stored under random names, read and indexed by a child process with limits."""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import os
import signal
import sys
import uuid
from pathlib import Path

from channels.db import database_sync_to_async
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from modeling.errors import RequestError
from webapp.chat import presentation, services
from webapp.chat.models import FAILED, READING, READY, Document, Visitor
from webapp.chat.rooms import room_of

log = logging.getLogger(__name__)

KINDS = (".txt", ".md", ".pdf")
TOO_SLOW = gettext_noop("Reading it took too long. Try a shorter document, or its plain text.")
BROKE = gettext_noop("It could not be read. It may be damaged, or need more memory than is allowed.")
_reading: set[asyncio.Task[None]] = set()  # tasks are kept here so that they are not collected while they run


def checked(file: UploadedFile) -> str:
    """The document's name. Raises RequestError for another kind of file or one too large."""
    name = Path(file.name or "").name[-200:]
    if Path(name).suffix.lower() not in KINDS:
        raise RequestError(_("“%(name)s” is not a text, Markdown or PDF file") % {"name": name},
                           remedy=_("Add a file that ends in .txt, .md or .pdf"))
    if file.size is None or file.size > settings.DOCUMENT_BYTES:
        raise RequestError(_("“%(name)s” is too large") % {"name": name},
                           allowed=_("At most %(size)s MB are allowed") % {"size": settings.DOCUMENT_BYTES // 2**20})
    if file.size == 0:
        raise RequestError(_("“%(name)s” is empty") % {"name": name})
    return name


@transaction.atomic
def add(*, visitor: Visitor, conversation_id: uuid.UUID, slug: str, file: UploadedFile) -> Document:
    """Store a file with a conversation. Raises RequestError, NotVisibleError. `read` must follow."""
    name = checked(file)
    conversation, _made = services.open_conversation(visitor=visitor, conversation_id=conversation_id, slug=slug)
    if conversation.assistant.task != "question-answering":
        raise RequestError(_("This assistant does not read documents"), remedy=_("Choose one that answers questions"))
    if conversation.documents.count() >= settings.DOCUMENTS_PER_CONVERSATION:
        raise RequestError(_("This conversation has as many documents as it can hold"), remedy=_("Remove one first"))
    document = Document(conversation=conversation, name=name, bytes=file.size or 0)
    document.folder.mkdir(parents=True, mode=0o700)
    with document.source.open("xb") as out:
        for piece in file.chunks():
            out.write(piece)
    document.save(force_insert=True)
    return document


def read(document: Document) -> None:
    """Begin to read it in the background. Runs on the event loop; open pages hear of the end."""
    task = asyncio.create_task(_read(document), context=contextvars.Context())  # the request's own threads end with it
    _reading.add(task)
    task.add_done_callback(_reading.discard)


async def _read(document: Document) -> None:
    try:
        state, reason, facts = await _index(document)
    except Exception:
        log.exception("document %s", document.pk)
        state, reason, facts = FAILED, BROKE, {}
    rows = await database_sync_to_async(_settle)(document, state, reason, facts)
    room_of(document.conversation_id).post("chat/documents_fragment.html", {
        "documents": rows, "conversation_id": str(document.conversation_id),
    })
    room_of(document.conversation_id).forget()


def _settle(document: Document, state: str, reason: str, facts: dict[str, int]) -> list[dict[str, object]]:
    Document.objects.filter(pk=document.pk).update(state=state, reason=reason, facts=facts)
    return presentation.documents(document.conversation)


async def _index(document: Document) -> tuple[str, str, dict[str, int]]:
    """State, reason and facts, from a child that gets an argument list, limits, and its own process group."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "modeling.cli.index", str(document.source), f"--title={Path(document.name).stem}",
        "--out", str(document.index), "--memory", str(settings.DOCUMENT_MEMORY),
        "--seconds", str(settings.DOCUMENT_SECONDS), cwd=settings.ROOT, start_new_session=True,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", ""), "OPENBLAS_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"},
    )
    try:
        out, errors = await asyncio.wait_for(child.communicate(), settings.DOCUMENT_SECONDS)
    except TimeoutError:
        return FAILED, TOO_SLOW, {}
    finally:
        if child.returncode is None:
            os.killpg(child.pid, signal.SIGKILL)
            await child.wait()
    if child.returncode == 0:
        return READY, "", json.loads(out)
    message = errors.decode("utf-8", "replace").strip().replace(document.source.name, "It")
    if child.returncode != 2:
        log.warning("reading document %s ended with %s: %s", document.pk, child.returncode, message[-500:])
    return FAILED, message[-500:] if child.returncode == 2 else BROKE, {}


def remove(*, visitor: Visitor, document_id: uuid.UUID) -> Document:
    """Take a document away, with its files. Raises NotVisibleError."""
    document = Document.objects.select_related("conversation").filter(pk=document_id).first()
    if document is None:
        raise services.NotVisibleError(_("This document is not here any more"))
    services.visible_conversation(visitor=visitor, conversation_id=document.conversation_id)
    folder = document.folder
    Document.objects.filter(pk=document_id).delete()
    services.discard(folder)
    return document


def interrupt_reading() -> list[Document]:
    """At the start of the web process: documents that the last one was reading."""
    return list(Document.objects.filter(state=READING).select_related("conversation"))
