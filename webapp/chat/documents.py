"""Visitors' documents: stored with a conversation, and read in the background."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import uuid

from channels.db import database_sync_to_async
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _

from modeling.errors import RequestError
from webapp.assistants.documents import BROKE, Reading, checked, index, keep
from webapp.chat import presentation, services
from webapp.chat.models import FAILED, READING, READY, Document, Visitor
from webapp.chat.rooms import room_of
from webapp.datasets.uploads import check_space

log = logging.getLogger(__name__)

_reading: set[asyncio.Task[None]] = set()  # tasks are kept here so that they are not collected while they run


@transaction.atomic
def add(*, visitor: Visitor, conversation_id: uuid.UUID, slug: str, file: UploadedFile) -> Document:
    """Store a file with a conversation. Raises ParleyError, NotVisibleError. `read` must follow."""
    name = checked(file)
    conversation, _made = services.open_conversation(visitor=visitor, conversation_id=conversation_id, slug=slug)
    if conversation.assistant.task != "question-answering":
        raise RequestError(_("This assistant does not read documents"), remedy=_("Choose one that answers questions"))
    if conversation.documents.count() >= settings.DOCUMENTS_PER_CONVERSATION:
        raise RequestError(_("This conversation has as many documents as it can hold"), remedy=_("Remove one first"))
    check_space(file.size or 0)
    document = Document(conversation=conversation, name=name, bytes=file.size or 0)
    keep(document, file)
    document.save(force_insert=True)
    return document


def read(document: Document) -> None:
    """Begin to read it in the background. Runs on the event loop; open pages hear of the end."""
    task = asyncio.create_task(_read(document), context=contextvars.Context())  # the request's own threads end with it
    _reading.add(task)
    task.add_done_callback(_reading.discard)


async def _read(document: Document) -> None:
    try:
        reading = await index(document)
    except Exception:
        log.exception("document %s", document.pk)
        reading = Reading(fault=BROKE)
    rows = await database_sync_to_async(_settle)(document, reading)
    room_of(document.conversation_id).post("chat/documents_fragment.html", {
        "documents": rows, "conversation_id": str(document.conversation_id),
    })
    room_of(document.conversation_id).forget()


def _settle(document: Document, reading: Reading) -> list[dict[str, object]]:
    state = FAILED if reading.fault else READY
    Document.objects.filter(pk=document.pk).update(state=state, reason=reading.fault, facts=reading.facts)
    return presentation.documents(document.conversation)


def remove(*, visitor: Visitor, document_id: uuid.UUID) -> Document:
    """Take a document away, with its files. Raises NotVisibleError."""
    document = Document.objects.select_related("conversation").filter(pk=document_id).first()
    if document is None:
        raise services.NotVisibleError(_("This document is not here any more"))
    services.visible_conversation(visitor=visitor, conversation_id=document.conversation_id)
    document.delete()
    return document


def interrupt_reading() -> list[Document]:
    """At the start of the web process: documents that the last one was reading."""
    return list(Document.objects.filter(state=READING).select_related("conversation"))
