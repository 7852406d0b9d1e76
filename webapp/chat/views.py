"""Pages of the chat. Everything that streams goes through the websocket; these are for the rest."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import wraps
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_POST

from modeling.errors import ParleyError
from webapp.assistants.models import Assistant
from webapp.chat import documents, exports, generations, options, presentation, services
from webapp.chat.models import USER, Conversation, Document, Message, Visitor
from webapp.chat.rooms import generation_in
from webapp.chat.visitors import stay, visitor_of
from webapp.wording import said

THEMES = ("light", "dark")
SIDEBAR = 200  # conversations listed


def refusing(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """What a visitor may not see is not there; what cannot be done is said in a notice."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except services.NotVisibleError as error:
            raise Http404(str(error)) from error
        except ParleyError as error:
            return _notice(request, said(error))

    return wrapped


def _notice(request: HttpRequest, text: str) -> HttpResponse:
    response = render(request, "chat/notice.html", {"text": text})
    response["HX-Reswap"] = "none"
    return response


@never_cache
@ensure_csrf_cookie
@require_GET
def new(request: HttpRequest) -> HttpResponse:
    """The front page: an assistant, its welcome, and room for the first message."""
    assistants = list(Assistant.objects.visible_to(request.user))
    wanted = request.GET.get("assistant")
    assistant = next((one for one in assistants if one.slug == wanted), assistants[0] if assistants else None)
    visitor_of(request)
    if assistant is None:
        return render(request, "chat/empty.html", _frame(request, assistants, None))
    fresh = Conversation(id=uuid.uuid4(), assistant=assistant)
    return render(request, "chat/page.html", _page(request, fresh, assistants, []))


@never_cache
@ensure_csrf_cookie
@require_GET
@refusing
def conversation(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
    """A conversation with all its messages; one that is being written is shown as far as it is."""
    found = services.visible_conversation(visitor=visitor_of(request), conversation_id=conversation_id)
    thread = presentation.thread(found, generation_in(found.pk))
    assistants = list(Assistant.objects.visible_to(request.user))
    return render(request, "chat/page.html", _page(request, found, assistants, thread))


def _frame(request: HttpRequest, assistants: list[Assistant], current: Conversation | None) -> dict[str, Any]:
    conversations = list(Conversation.objects.visible_to(visitor_of(request)).exclude(title="")[:SIDEBAR])
    if conversations:
        stay(request)
    theme = request.COOKIES.get("parley_theme", "")
    return {
        "groups": _by_age(conversations),
        "current": current,
        "assistants": assistants, "theme": theme if theme in THEMES else "",
    }


def _by_age(conversations: Iterable[Conversation]) -> list[tuple[str, list[Conversation]]]:
    """Conversations of the last day, the last week, and older ones. Rolling, so that no time zone is needed."""
    names, limits = [_("Last 24 hours"), _("Last 7 days"), _("Older")], [timedelta(days=1), timedelta(days=7)]
    groups: list[tuple[str, list[Conversation]]] = [(name, []) for name in names]
    for one in conversations:
        age = timezone.now() - one.updated
        groups[sum(age > limit for limit in limits)][1].append(one)
    return groups


def _page(request: HttpRequest, current: Conversation, assistants: list[Assistant], thread: list[dict[str, Any]],
          ) -> dict[str, Any]:
    closed = not current._state.adding and not services.is_open(visitor_of(request), current)
    return _frame(request, assistants, current) | contents(current, thread) | {"closed": closed}


def contents(current: Conversation, thread: list[dict[str, Any]]) -> dict[str, Any]:
    """What `chat/page.html` shows of a conversation, without the frame around it."""
    saved = not current._state.adding
    live = generation_in(current.pk) if saved else None
    return {
        "assistant": current.assistant, "thread": thread, "streaming": live is not None,
        "options": options.controls(current.assistant, current.options),
        "documents": presentation.documents(current) if saved else [], "saved": saved,
        "limit": settings.MESSAGE_CHARACTERS,
    }


@require_POST
@refusing
def rename(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
    """Another title; answers with the line of the sidebar."""
    renamed = services.rename(
        visitor=visitor_of(request), conversation_id=conversation_id, title=request.POST.get("title", ""))
    current = request.POST.get("current") == str(renamed.pk)
    return render(request, "chat/conversation_item.html", {"conversation": renamed, "active": current})


@require_POST
@refusing
def delete(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
    """Delete a conversation; what is being written in it stops."""
    visitor = visitor_of(request)
    services.visible_conversation(visitor=visitor, conversation_id=conversation_id)
    async_to_sync(generations.stop)(conversation_id)
    services.delete(visitor=visitor, conversation_id=conversation_id)
    response = HttpResponse("")
    if request.POST.get("current") == str(conversation_id):
        response["HX-Redirect"] = reverse("chat")
    return response


@require_GET
@refusing
def export(request: HttpRequest, conversation_id: uuid.UUID, kind: str) -> HttpResponse:
    """The conversation as a file to keep."""
    found = services.visible_conversation(visitor=visitor_of(request), conversation_id=conversation_id)
    if kind not in ("md", "json"):
        raise Http404
    write, media = {"md": (exports.markdown, "text/markdown"), "json": (exports.as_json, "application/json")}[kind]
    return HttpResponse(write(found), content_type=f"{media}; charset=utf-8", headers={
        "Content-Disposition": exports.disposition(found, kind), "X-Content-Type-Options": "nosniff"})


@require_GET
@refusing
def inside(request: HttpRequest, message_id: int) -> HttpResponse:
    """How an answer came about."""
    return inside_for(request, visitor_of(request), message_id)


def inside_for(request: HttpRequest, visitor: Visitor, message_id: int) -> HttpResponse:
    """The same, for a visitor who may have come by a link."""
    message = Message.objects.select_related("conversation__assistant").filter(pk=message_id).first()
    if message is None:
        raise Http404
    found = services.visible_conversation(visitor=visitor, conversation_id=message.conversation_id)
    source = found.messages.filter(pk__lt=message_id, role=USER).last()
    return render(request, f"chat/inside/{found.assistant.task}.html", {
        "result": message.result, "tokens": presentation.token_rows(message.trace),
        "m": presentation.present(message, task=found.assistant.task, source=source.text if source else ""),
    })


@require_POST
async def add_document(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
    """Take a file for a conversation and begin to read it."""
    added, response = await sync_to_async(_add)(request, conversation_id)
    for document in added:
        documents.read(document)
    return response


def _add(request: HttpRequest, conversation_id: uuid.UUID) -> tuple[list[Document], HttpResponse]:
    """The documents that could be added, and the list; or a notice about the first that could not."""
    added: list[Document] = []
    visitor, slug = visitor_of(request), request.POST.get("assistant", "")
    files = request.FILES.getlist("file")
    notice = "" if files else _("Choose a file.")
    try:
        for file in files:
            added.append(documents.add(visitor=visitor, conversation_id=conversation_id, slug=slug, file=file))
    except services.NotVisibleError as error:
        raise Http404(str(error)) from error
    except ParleyError as error:
        notice = said(error)
    return added, _documents(request, conversation_id, notice) if added else _notice(request, notice)


def _documents(request: HttpRequest, conversation_id: uuid.UUID, notice: str = "") -> HttpResponse:
    found = services.visible_conversation(visitor=visitor_of(request), conversation_id=conversation_id)
    return render(request, "chat/documents.html", {
        "documents": presentation.documents(found), "conversation_id": str(conversation_id), "notice": notice})


@require_POST
@refusing
def remove_document(request: HttpRequest, document_id: uuid.UUID) -> HttpResponse:
    """Take a document away."""
    document = documents.remove(visitor=visitor_of(request), document_id=document_id)
    return _documents(request, document.conversation_id)
