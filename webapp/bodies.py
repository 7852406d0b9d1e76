"""A bound on what a page may send. Daphne would keep a body of any length on disk before it calls the application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from daphne.http_protocol import WebRequest

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

REFUSAL = (b"HTTP/1.1 413 Content Too Large\r\nContent-Type: text/plain\r\nContent-Length: 47\r\n"
           b"Connection: close\r\n\r\nThe request is larger than this site accepts.\r\n")


def limit_bodies(limit: int) -> None:
    """Let Daphne refuse bodies longer than `limit` bytes: at once where they say so, else when they become it."""
    taken = WebRequest.handleContentChunk

    def got_length(request: Any, length: int | None) -> None:
        super(WebRequest, request).gotLength(length)
        if length is not None and length > limit:
            _refuse(request)

    def handle_chunk(request: Any, data: bytes) -> None:
        if request.content.tell() + len(data) <= limit:
            taken(request, data)
        else:
            _refuse(request)

    WebRequest.gotLength, WebRequest.handleContentChunk = got_length, handle_chunk


def _refuse(request: Any) -> None:
    request.channel.transport.write(REFUSAL)
    request.channel.loseConnection()
