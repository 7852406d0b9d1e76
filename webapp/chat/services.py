"""Writes to conversations. Each checks that the visitor may."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from modeling.errors import ParleyError, RequestError
from modeling.inference import Request
from webapp.accounts.models import User
from webapp.assistants.models import Assistant
from webapp.chat import options as options_of
from webapp.chat.models import ASSISTANT, ERROR, READY, STREAMING, USER, Conversation, Feedback, Message, Visitor
from webapp.sharing import services as links
from webapp.sharing.models import ShareLink

RESTARTED = gettext_noop("The site was restarted while this answer was being written. What was there is kept.")
HISTORY = 40  # messages before a question that a model may hear
TITLE = 60  # characters of the first message that become the title


class NotVisibleError(ParleyError):
    """The conversation is not there, or not this visitor's: the two look alike on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A question and the answer that is being written to it."""

    conversation: Conversation
    question: Message
    answer: Message
    began: bool  # whether this made the conversation


def visible_conversation(*, visitor: Visitor, conversation_id: uuid.UUID) -> Conversation:
    """The visitor's conversation. Raises NotVisibleError."""
    found = Conversation.objects.visible_to(visitor).select_related("assistant").filter(pk=conversation_id).first()
    if found is None:
        raise NotVisibleError(_("This conversation is not here, or not yours"))
    return found


@transaction.atomic
def open_conversation(*, visitor: Visitor, conversation_id: uuid.UUID, slug: str) -> tuple[Conversation, bool]:
    """The visitor's conversation, and whether this made it. Raises NotVisibleError when its id is somebody else's."""
    if Conversation.objects.filter(pk=conversation_id).exists():
        conversation = visible_conversation(visitor=visitor, conversation_id=conversation_id)
        require_open(visitor, conversation)
        return conversation, False
    assistant = _assistants(visitor).filter(slug=slug).first()
    if assistant is None:
        raise RequestError(_("This assistant is not here any more"), remedy=_("Choose another one"))
    made = Conversation.objects.create(
        id=conversation_id, assistant=assistant, owner_id=visitor.user_id, session=visitor.token,
        link_id=visitor.link_id,
    )
    return made, True


def is_open(visitor: Visitor, conversation: Conversation) -> bool:
    """Whether the visitor may still ask its assistant. Reading goes on when this has ended."""
    return _assistants(visitor).filter(pk=conversation.assistant_id).exists()


def require_open(visitor: Visitor, conversation: Conversation) -> None:
    """Raises RequestError when the assistant is not to be asked any more."""
    if not is_open(visitor, conversation):
        raise RequestError(_("This assistant is not here any more"), remedy=_("Choose another one"))


def _assistants(visitor: Visitor) -> QuerySet[Assistant]:
    """Those that this visitor can begin with: by a link, the link's alone."""
    if visitor.link_id:
        return Assistant.objects.filter(links=visitor.link_id)
    return Assistant.objects.visible_to(_user(visitor))


def _user(visitor: Visitor) -> User | None:
    return User.objects.filter(pk=visitor.user_id).first() if visitor.user_id else None


def checked_text(text: Any) -> str:
    """A visitor's message. Raises RequestError when it is empty or too long."""
    text = text.replace("\r\n", "\n").replace("\x00", "") if isinstance(text, str) else ""
    if not text.strip():
        raise RequestError(_("The message is empty"), remedy=_("Write something first"))
    if len(text) > settings.MESSAGE_CHARACTERS:
        raise RequestError(
            _("The message has %(count)s characters") % {"count": f"{len(text):,}"},
            allowed=_("At most %(count)s are allowed") % {"count": f"{settings.MESSAGE_CHARACTERS:,}"},
        )
    return text.strip("\n")


@transaction.atomic
def ask(*, visitor: Visitor, conversation_id: uuid.UUID, slug: str, text: Any, options: Mapping[str, Any]) -> Exchange:
    """Write down a question and an empty answer. Raises RequestError, NotVisibleError."""
    text = checked_text(text)
    conversation, _made = open_conversation(visitor=visitor, conversation_id=conversation_id, slug=slug)
    if conversation.messages.filter(state=STREAMING).exists():
        raise RequestError(_("The last answer is still being written"), remedy=_("Wait for it, or stop it"))
    _require_capacity(visitor)
    began = not conversation.title
    conversation.options = options_of.cleaned(conversation.assistant, options, text)
    options_of.require_whole(conversation.options)
    if began:
        conversation.title = " ".join(text.split())[:TITLE]
    conversation.save()
    create = conversation.messages.create
    question = create(role=USER, text=text, options=conversation.options)
    answer = create(role=ASSISTANT, state=STREAMING, options=conversation.options,
                    version=conversation.assistant.current)
    return Exchange(conversation=conversation, question=question, answer=answer, began=began)


def _require_capacity(visitor: Visitor) -> None:
    mine = Conversation.objects.visible_to(visitor)
    if Message.objects.filter(conversation__in=mine, state=STREAMING).count() >= settings.ANSWERS_AT_ONCE:
        raise RequestError(_("Many answers are being written for you at this moment"), remedy=_("Wait for one of them"))


@transaction.atomic
def ask_again(*, visitor: Visitor, conversation_id: uuid.UUID, message_id: int) -> Exchange:
    """Empty an answer so that it can be written anew. Raises RequestError, NotVisibleError."""
    conversation = visible_conversation(visitor=visitor, conversation_id=conversation_id)
    require_open(visitor, conversation)
    if conversation.messages.filter(state=STREAMING).exists():
        raise RequestError(_("The last answer is still being written"), remedy=_("Wait for it, or stop it"))
    _require_capacity(visitor)
    answer = conversation.messages.filter(pk=message_id, role=ASSISTANT).first()
    question = conversation.messages.filter(pk__lt=message_id, role=USER).last() if answer else None
    if answer is None or question is None:
        raise RequestError(_("This answer is not here any more"), remedy=_("Reload the page"))
    answer.text, answer.result, answer.trace, answer.error = "", {}, [], ""
    answer.state, answer.seconds, answer.created = STREAMING, None, timezone.now()
    answer.version = conversation.assistant.current
    answer.save()
    Feedback.objects.filter(message=answer).delete()  # it was about the text that is gone
    conversation.save(update_fields=["updated"])
    return Exchange(conversation=conversation, question=question, answer=answer, began=False)


def request_for(exchange: Exchange) -> Request:
    """What the engine is asked. A visitor's own documents, where there are any, are the only ones searched."""
    conversation = exchange.conversation
    ready = conversation.documents.filter(state=READY)
    own = tuple(str(document.index) for document in ready)
    documents = own or tuple(conversation.assistant.documents)
    return options_of.request_for(
        conversation.assistant, exchange.question.text, exchange.answer.options,
        documents if conversation.assistant.task == "question-answering" else (),
        _history(exchange) if conversation.assistant.task == "generation" else (),
    )


def _history(exchange: Exchange) -> tuple[str, ...]:
    """What was said before a question, in pairs of a question and its answer, as far back as a model could reach."""
    said = list(exchange.conversation.messages.filter(pk__lt=exchange.question.pk).order_by("-pk").values_list(
        "role", "text")[:HISTORY])[::-1]
    pairs = [(asked, answered) for (asker, asked), (answerer, answered) in pairwise(said)
             if (asker, answerer) == (USER, ASSISTANT) and answered.strip()]
    return tuple(text for pair in pairs for text in pair)


def keep_text(*, message_id: int, text: str) -> None:
    """Persist what there is of an answer that is still being written."""
    Message.objects.filter(pk=message_id, state=STREAMING).update(text=text)


@transaction.atomic
def finish(
    *, message_id: int, state: str, text: str, result: dict[str, Any], trace: list[dict[str, Any]], error: str,
    seconds: float, link_id: uuid.UUID | None = None, tokens: int = 0,
) -> None:
    """Persist an answer's end, and what it took of the link that it was asked over."""
    Message.objects.filter(pk=message_id).update(
        state=state, text=text, result=result, trace=trace, error=error, seconds=seconds)
    if link_id is not None and tokens:
        links.count_tokens(link_id=link_id, tokens=tokens)


def interrupt_streaming() -> int:
    """At the start of the web process: answers that the last one left unfinished say so, and keep what they had."""
    return Message.objects.filter(state=STREAMING).update(state=ERROR, error=RESTARTED)


def rename(*, visitor: Visitor, conversation_id: uuid.UUID, title: str) -> Conversation:
    """Give a conversation another title; an empty one changes nothing."""
    conversation = visible_conversation(visitor=visitor, conversation_id=conversation_id)
    title = " ".join(title.split())[:120]
    if title:
        conversation.title = title
        conversation.save(update_fields=["title"])
    return conversation


def delete(*, visitor: Visitor, conversation_id: uuid.UUID) -> None:
    """Delete a conversation with its messages and documents, files included."""
    visible_conversation(visitor=visitor, conversation_id=conversation_id).delete()


def forget(*, before: datetime) -> int:
    """Delete conversations of visitors without an account that were last touched before then. Returns how many.

    Those of share links go after the days that their link says.
    """
    old = list(Conversation.objects.filter(owner=None, link=None, updated__lt=before))
    for days in ShareLink.objects.values_list("keep_days", flat=True).order_by().distinct():
        last = timezone.now() - timedelta(days=days)
        old += Conversation.objects.filter(link__keep_days=days, updated__lt=last)
    for conversation in old:
        conversation.delete()
    return len(old)
