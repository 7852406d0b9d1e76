"""What visitors think of answers: a thumb, and what the answer should have said."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from modeling.errors import RequestError
from webapp.chat import services
from webapp.chat.models import ASSISTANT, DONE, STOPPED, Feedback, FeedbackState, Message, Visitor

CORRECTION_CHARACTERS = 4000
FINISHED = (DONE, STOPPED)


@transaction.atomic
def rate(
    *, visitor: Visitor, conversation_id: uuid.UUID, message_id: int, good: bool | None, correction: Any = "",
) -> Message:
    """Keep what a visitor thinks of an answer, in place of what was kept before; `good` None takes it back.

    Returns the message with its feedback. Raises RequestError, NotVisibleError.
    """
    conversation = services.visible_conversation(visitor=visitor, conversation_id=conversation_id)
    answers = conversation.messages.select_related("feedback", "conversation__assistant").filter(
        role=ASSISTANT, state__in=FINISHED)
    message: Message | None = answers.filter(pk=message_id).first()
    if message is None:
        raise RequestError(_("This answer is not here any more"), remedy=_("Reload the page"))
    text = checked(message, correction, conversation.assistant.task)
    known = Feedback.objects.filter(message=message).first()
    if good is None:
        Feedback.objects.filter(message=message).delete()
    elif known is None:
        Feedback.objects.create(message=message, good=good, correction=text)
    else:
        _change(known, good, text)
    return answers.get(pk=message_id)


def checked(message: Message, correction: Any, task: str) -> str:
    """A correction that fits the task. Raises RequestError."""
    text = correction.replace("\r\n", "\n").replace("\x00", "").strip() if isinstance(correction, str) else ""
    if len(text) > CORRECTION_CHARACTERS:
        raise RequestError(
            _("The correction has %(count)s characters") % {"count": f"{len(text):,}"},
            allowed=_("At most %(count)s are allowed") % {"count": f"{CORRECTION_CHARACTERS:,}"},
        )
    labels = labels_of(message) if task == "classification" else []
    if text and labels and text not in labels:
        raise RequestError(_("“%(label)s” is not one of the classes") % {"label": text[:80]},
                           remedy=_("Choose one from the list"))
    return text


def labels_of(message: Message) -> list[str]:
    """The classes that a classifier chose from, in order of the alphabet."""
    return sorted(str(row["label"]) for row in message.result.get("labels", []))


def _change(feedback: Feedback, good: bool, correction: str) -> None:
    """Another correction is reviewed anew; the same one is not."""
    if correction != feedback.correction:
        feedback.state, feedback.version = FeedbackState.WAITING, None
        feedback.reviewed = feedback.reviewed_by = None
    feedback.good, feedback.correction = good, correction
    feedback.save()
