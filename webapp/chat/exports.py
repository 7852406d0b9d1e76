"""A conversation as a file to keep: Markdown for people, JSON for programs."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

from django.utils.translation import gettext as _

from webapp.chat.models import USER, Conversation
from webapp.chat.presentation import answer_text
from webapp.wording import spoken


def markdown(conversation: Conversation) -> str:
    """Headings for who speaks, the texts as they are."""
    task, assistant = conversation.assistant.task, conversation.assistant.name
    parts = [f"# {conversation.title}"]
    for message in conversation.messages.defer("trace"):
        mine = message.role == USER
        parts += [f"## {_('You') if mine else assistant}", message.text if mine else answer_text(message, task)]
        if message.error:
            parts.append(f"> {spoken(message.error)}")
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def as_json(conversation: Conversation) -> str:
    """Everything that is stored of it but who owns it."""
    return json.dumps({
        "id": str(conversation.pk), "title": conversation.title, "assistant": conversation.assistant.slug,
        "task": conversation.assistant.task, "created": conversation.created.isoformat(),
        "messages": [{
            "role": message.role, "state": message.state, "text": message.text, "options": message.options,
            "result": message.result, "error": message.error, "created": message.created.isoformat(),
            "feedback": {"good": message.feedback.good, "correction": message.feedback.correction}
            if hasattr(message, "feedback") else None,
        } for message in conversation.messages.select_related("feedback").defer("trace")],
        "documents": [document.name for document in conversation.documents.all()],
    }, ensure_ascii=False, indent=2) + "\n"


def disposition(conversation: Conversation, kind: str) -> str:
    """A header that makes the browser save it under the conversation's title."""
    name = re.sub(r"[^\w-]+", "-", conversation.title[:60]).strip("-") or "conversation"
    return f"attachment; filename=\"conversation.{kind}\"; filename*=UTF-8''{quote(name)}.{kind}"
