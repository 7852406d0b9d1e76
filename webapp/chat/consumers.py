"""The page's websocket: reads what the page sends, checks it, and lets services and generations do the work."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from modeling.errors import ParleyError, RequestError
from modeling.text import without_surrogates
from webapp.chat import feedback, generations, presentation, services
from webapp.chat.followers import Follower
from webapp.chat.limits import Bucket, RateLimit
from webapp.chat.models import Conversation, Visitor
from webapp.chat.rooms import generation_in, room_of
from webapp.chat.services import Exchange
from webapp.chat.visitors import visitor_of_session
from webapp.wording import said

FRAME_BYTES = settings.MESSAGE_CHARACTERS * 4 + 4096
FRAMES_PER_SECOND, FRAMES_AT_ONCE = 60, 240
POLICY, TOO_BIG = 4008, 4009  # closing codes after which a page does not come back; 1008 is not ours to send
asking = RateLimit(settings.MESSAGES_PER_MINUTE, 60)
asking_from = RateLimit(settings.ADDRESS_MESSAGES_PER_MINUTE, 60)
rating = RateLimit(settings.MESSAGES_PER_MINUTE, 60)
rating_from = RateLimit(settings.ADDRESS_MESSAGES_PER_MINUTE, 60)


class ChatConsumer(AsyncWebsocketConsumer):
    """One page, one conversation."""

    async def connect(self) -> None:
        """Let in whoever may see the conversation, or begin it."""
        self.conversation_id: uuid.UUID = self.scope["url_route"]["kwargs"]["conversation_id"]
        query = parse_qs(self.scope["query_string"].decode("latin1"))
        self.language = next((code for code, _name in settings.LANGUAGES if code in query.get("language", [])), "en")
        self.frames = Bucket(FRAMES_PER_SECOND, FRAMES_AT_ONCE)
        self.following: asyncio.Task[None] | None = None
        if await self._visitor() is None or not await self._may_enter():
            await self.close(code=POLICY)
            return
        await self.accept()
        self.follower = Follower(send=self.send, language=self.language)
        self.room = room_of(self.conversation_id)
        self.room.enter(self.follower)
        self.following = asyncio.create_task(self.follower.run())

    async def disconnect(self, code: int) -> None:
        """The page is gone. What is being written goes on."""
        if self.following is not None:
            self.following.cancel()
            self.room.leave(self.follower)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """One message of the page: `{"action": ...}`."""
        if not self.frames.take():
            await self.close(code=POLICY)
        elif text_data is None or len(text_data) > FRAME_BYTES:
            await self.close(code=TOO_BIG)
        else:
            message = _parsed(text_data)
            if message.get("action") == "ack":
                self.follower.acknowledge(_whole_number(message.get("sequence")))
            else:
                await self._act(message)

    async def _act(self, message: dict[str, Any]) -> None:
        actions: dict[str, Callable[[Visitor, dict[str, Any]], Awaitable[None]]] = {
            "attach": self._attach, "send": self._ask, "regenerate": self._ask_again, "stop": self._stop,
            "rate": self._rate,
        }
        action = actions.get(str(message.get("action")))
        with translation.override(self.language):
            try:
                visitor = await self._visitor()
                if visitor is None:
                    raise RequestError(_("Your session has ended"), remedy=_("Reload the page to go on"))
                if action is None:
                    raise RequestError(_("The page sent something that is not understood"), remedy=_("Reload the page"))
                await action(visitor, message)
            except ParleyError as error:
                await self._refuse(error, message)

    async def _refuse(self, error: ParleyError, message: dict[str, Any]) -> None:
        self._notice(said(error), restore=message.get("action") == "send")

    async def _attach(self, visitor: Visitor, message: dict[str, Any]) -> None:
        """After connecting: the page says what it shows; it gets a snapshot when that is not what there is."""
        conversation = await self._conversation(visitor)
        if conversation is None:
            return
        live = generation_in(self.conversation_id)
        last = await conversation.messages.alast()
        shown = (_whole_number(message.get("last")), message.get("state"))
        if last is not None and shown != (last.pk, last.state):
            thread = await database_sync_to_async(presentation.thread)(conversation, live)
            self.follower.post("chat/thread_fragment.html", {"thread": thread, "streaming": live is not None})
        if live is not None:
            self.follower.follow(live)

    async def _ask(self, visitor: Visitor, message: dict[str, Any]) -> None:
        self._within_limits(visitor, asking, asking_from)
        exchange = await self._write_down(
            services.ask, visitor=visitor, slug=str(message.get("assistant", "")), text=message.get("text"),
            options=message,
        )
        self._show(exchange, "chat/exchange_fragment.html")

    async def _ask_again(self, visitor: Visitor, message: dict[str, Any]) -> None:
        self._within_limits(visitor, asking, asking_from)
        exchange = await self._write_down(
            services.ask_again, visitor=visitor, message_id=_whole_number(message.get("message")))
        self._show(exchange, "chat/again_fragment.html")

    async def _rate(self, visitor: Visitor, message: dict[str, Any]) -> None:
        """A thumb, and perhaps what the answer should have said."""
        self._within_limits(visitor, rating, rating_from)
        rated = await database_sync_to_async(feedback.rate)(
            visitor=visitor, conversation_id=self.conversation_id, message_id=_whole_number(message.get("message")),
            good=_opinion(message.get("good")), correction=message.get("correction"),
        )
        self.room.post("chat/rating_fragment.html", {"m": presentation.rated(rated)})

    async def _write_down(self, service: Callable[..., Exchange], **asked: Any) -> Exchange:
        """Let a service store a question, in a thread of its own."""
        return await database_sync_to_async(service)(conversation_id=self.conversation_id, **asked)

    async def _stop(self, visitor: Visitor, message: dict[str, Any]) -> None:
        await database_sync_to_async(services.visible_conversation)(
            visitor=visitor, conversation_id=self.conversation_id)
        await generations.stop(self.conversation_id)

    def _show(self, exchange: Exchange, template: str) -> None:
        """Put the new messages on every open page, and begin to write."""
        conversation, task = exchange.conversation, exchange.conversation.assistant.task
        self.room.post(template, {
            "question": presentation.present(exchange.question, task=task),
            "answer": presentation.present(exchange.answer, task=task, source=exchange.question.text),
            "conversation": {"id": str(conversation.pk), "title": conversation.title},
            "url": self._address(conversation), "began": exchange.began,
            "listed": conversation.link_id is None,
        })
        generations.Generation(exchange).start()

    def _address(self, conversation: Conversation) -> str:
        """Where the page goes on after a reload."""
        return conversation.get_absolute_url()

    def _within_limits(self, visitor: Visitor, own: RateLimit, all_from: RateLimit) -> None:
        address = (self.scope.get("client") or ("unknown",))[0]
        wait = own.wait(str(visitor.user_id or visitor.token)) or all_from.wait(address)
        if wait:
            seconds = int(wait) + 1
            raise RequestError(
                _("That was a lot of messages in a short time"),
                remedy=ngettext("Try again in %(n)s second", "Try again in %(n)s seconds", seconds) % {"n": seconds},
            )

    def _notice(self, text: str, *, restore: bool) -> None:
        self.follower.post("chat/notice.html", {"text": text, "restore": restore})

    @database_sync_to_async
    def _visitor(self) -> Visitor | None:
        session = self.scope.get("session")
        return visitor_of_session(session.session_key if session is not None else None)

    async def _may_enter(self) -> bool:
        """A conversation that is not there yet can be begun; one that is must be the visitor's own."""
        visitor = await self._visitor()
        exists = await Conversation.objects.filter(pk=self.conversation_id).aexists()
        return visitor is not None and (not exists or await self._conversation(visitor) is not None)

    async def _conversation(self, visitor: Visitor) -> Conversation | None:
        visible = Conversation.objects.visible_to(visitor).select_related("assistant")
        return await visible.filter(pk=self.conversation_id).afirst()


def _parsed(text: str) -> dict[str, Any]:
    """A JSON object whose texts can be stored; an empty one for anything else."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(message, dict):
        return {}
    return {key: without_surrogates(value) if isinstance(value, str) else value for key, value in message.items()}


def _opinion(value: Any) -> bool | None:
    """Good, bad, or taken back. Forms send words."""
    return {"true": True, "false": False}.get(str(value).lower())


def _whole_number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):  # JSON has infinite numbers
        return 0
