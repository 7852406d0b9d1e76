"""One open page that follows a conversation: what it has seen, what it still lacks, and how much it may be sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from django.template.loader import render_to_string
from django.utils import translation
from django.utils.html import escape

from webapp.chat.generations import Generation
from webapp.chat.presentation import present
from webapp.markdown import render

COALESCE_SECONDS = 0.03
BLOCK_SECONDS = 0.1  # between two renderings of Markdown
WINDOW = 24  # messages sent and not yet acknowledged
NEWS = 64  # fragments waiting; a page that lacks more is told to reload


class Follower:
    """Sends a page the difference between what it shows and what there is.

    Nothing is buffered for it but a position in the answer's text and a few fragments, so a page that reads slowly
    costs nothing and gets the rest in one piece.
    """

    def __init__(self, *, send: Callable[[str], Awaitable[None]], language: str) -> None:
        self._send, self._language = send, language
        self._news: list[tuple[str, dict[str, Any]]] = []
        self._live: Generation | None = None
        self._shape, self._sent, self._settled = -1, 0, 0
        self._sequence = self._acknowledged = 0
        self._rendered = 0.0
        self._wake, self._room_to_send = asyncio.Event(), asyncio.Event()
        self._room_to_send.set()

    def wake(self) -> None:
        """There may be something new."""
        self._wake.set()

    def post(self, template: str, context: dict[str, Any]) -> None:
        """Send this fragment in its turn."""
        if len(self._news) < NEWS:
            self._news.append((template, context))
        else:
            self._news = [("chat/reload.html", {})]
        self.wake()

    def follow(self, generation: Generation) -> None:
        """Show this answer from its beginning, whatever of it there is already."""
        self._live, self._shape = generation, -1
        self.wake()

    def acknowledge(self, sequence: int) -> None:
        """The page has shown everything up to this number."""
        self._acknowledged = max(self._acknowledged, min(sequence, self._sequence))
        if self._sequence - self._acknowledged < WINDOW:
            self._room_to_send.set()

    async def run(self) -> None:
        """Send what is new, as long as the page is open."""
        while True:
            await self._wake.wait()
            await self._room_to_send.wait()
            self._wake.clear()
            with translation.override(self._language):
                html = self._difference()
            if html:
                await self._deliver(html)
                if self._sent:  # the first words never wait
                    await asyncio.sleep(COALESCE_SECONDS)

    async def _deliver(self, html: str) -> None:
        self._sequence += 1
        if self._sequence - self._acknowledged >= WINDOW:
            self._room_to_send.clear()
        await self._send(f'{html}<i id="sequence" hx-swap-oob="true" data-sequence="{self._sequence}" hidden></i>')

    def _difference(self) -> str:
        news, self._news = self._news, []
        return "".join(render_to_string(template, context) for template, context in news) + self._answer()

    def _answer(self) -> str:
        live = self._live
        if live is None:
            return ""
        if live.finished:
            self._live = None
            return self._end(live)
        if live.shape != self._shape:
            return self._whole(live)
        if live.settled > self._settled:
            return self._block(live)
        if len(live.text) > self._sent:
            start, self._sent = self._sent, len(live.text)
            return f'<span hx-swap-oob="beforeend:#m{live.message_id}-tail">{escape(live.text[start:])}</span>'
        return ""

    def _whole(self, live: Generation) -> str:
        self._shape, self._sent, self._settled = live.shape, len(live.text), live.settled
        return render_to_string("chat/body_fragment.html", {"m": self._presented(live)})

    def _block(self, live: Generation) -> str:
        wait = self._rendered + BLOCK_SECONDS - time.monotonic()
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self.wake)
            return ""
        start, self._settled, self._sent = self._settled, live.settled, len(live.text)
        self._rendered = time.monotonic()
        return (f'<div hx-swap-oob="beforeend:#m{live.message_id}-blocks">{render(live.text[start:live.settled])}</div>'
                f'<div hx-swap-oob="innerHTML:#m{live.message_id}-tail">{escape(live.text[live.settled:])}</div>')

    def _end(self, live: Generation) -> str:
        answer = live.exchange.answer
        answer.text, answer.result, answer.state = live.text, live.result, live.state
        answer.error, answer.seconds = live.error, live.seconds
        shown = present(answer, task=live.task, source=live.exchange.question.text)
        return render_to_string("chat/end_fragment.html", {"m": shown})

    def _presented(self, live: Generation) -> dict[str, Any]:
        return present(live.exchange.answer, task=live.task, source=live.exchange.question.text, live=live)
