"""What the last process left half done is mended before the first page is served."""

from __future__ import annotations

import asyncio
from typing import Any

from webapp.assistants.models import Assistant
from webapp.chat.models import Conversation, Message
from webapp.chat.recovery import Recovery


async def test_the_first_requests_wait_until_all_is_mended(assistants: None) -> None:
    assistant = await Assistant.objects.afirst()
    conversation = await Conversation.objects.acreate(assistant=assistant, title="x")
    await conversation.messages.acreate(role="assistant", state="streaming", text="half")
    seen: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append((await Message.objects.aget()).state)

    recovery = Recovery(application)
    await asyncio.gather(*(recovery({"type": "http"}, None, None) for _ in range(3)))
    assert seen == ["error"] * 3
