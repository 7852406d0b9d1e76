"""Pages of share links, as their visitors' browsers open them."""

from __future__ import annotations

import re
import uuid

from conftest import Page
from django.test import Client

from webapp.chat.models import Message
from webapp.sharing.models import ShareLink
from webapp.sharing.services import token_of

ORIGIN = "https://friend.example"
TICKET = re.compile(r'data-ticket="([^"]+)"')


def way(link: ShareLink, rest: str = "") -> str:
    return f"/s/{token_of(link)}/{rest}"


class LinkPage(Page):
    """A page of a link; with a ticket, one in a frame that sends no cookie."""

    def __init__(self, client: Client, link: ShareLink, conversation_id: uuid.UUID, ticket: str = "") -> None:
        super().__init__(client, conversation_id)
        self.address = f"/ws/s/{token_of(link)}/{self.id}/?language=en" + (f"&ticket={ticket}" if ticket else "")


async def answered(page: LinkPage, text: str = "hello there") -> Message:
    await page.ask(text)
    await page.until('data-state="done"')
    return await Message.objects.filter(conversation_id=page.id, role="assistant").alast()


async def closed(page: LinkPage) -> str:
    """The last words on a page whose socket is closed."""
    html = await page.until('data-testid="closed"')
    assert (await page.socket.receive_output(timeout=2)) == {"type": "websocket.close", "code": 4008}
    return html
