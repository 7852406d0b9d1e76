"""What keeps visitors apart, and strangers' text harmless."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import socket
import uuid
from collections.abc import Callable
from html.parser import HTMLParser
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client

from webapp.chat import consumers
from webapp.chat.limits import Bucket, RateLimit
from webapp.chat.models import Conversation, Message
from webapp.markdown import render

OpenPage = Callable[..., Any]
HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(1)><a hx-get="/admin/" href="javascript:alert(1)">x</a>'


class Alive(HTMLParser):
    """Collects what a browser would run or load that the site did not write."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        ours = tag == "script" and (values.get("src") or "").startswith("/static/")
        if tag in ("img", "iframe", "script", "style") and not ours:
            self.found.append(tag)
        self.found += [name for name, value in attrs if name.startswith("on") or (value or "").startswith("javascript:")
                       or (name == "hx-get" and not (value or "").startswith("/messages/"))]


def handshake(site: str, origin: str | None, cookie: str = "", path: str = "/ws/chat/") -> int:
    """The status that a websocket handshake gets, over a real connection."""
    connection = HTTPConnection(urlsplit(site).netloc, timeout=10)
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Cookie": cookie,
               "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode()}
    connection.request("GET", f"{path}{uuid.uuid4()}/", headers=headers | ({"Origin": origin} if origin else {}))
    status = connection.getresponse().status
    connection.close()
    return status


def session_cookie(site: str) -> str:
    connection = HTTPConnection(urlsplit(site).netloc, timeout=10)
    connection.request("GET", "/")
    response = connection.getresponse()
    cookies = [value.partition(";")[0] for name, value in response.getheaders() if name.lower() == "set-cookie"]
    connection.close()
    return "; ".join(cookies)


def test_only_pages_of_this_very_origin_may_open_a_socket(site: str) -> None:
    cookie, port = session_cookie(site), urlsplit(site).port
    assert handshake(site, site, cookie) == 101
    for origin in (None, "null", "https://evil.example", f"https://127.0.0.1:{port}", "http://127.0.0.1:1",
                   f"http://127.0.0.1.evil.example:{port}"):
        assert handshake(site, origin, cookie) == 403, origin


def test_a_socket_without_a_session_is_refused(site: str) -> None:
    assert handshake(site, site) == 403


def test_a_frame_too_large_closes_a_real_socket_for_good(site: str) -> None:
    connection = HTTPConnection(urlsplit(site).netloc, timeout=10)
    connection.request("GET", f"/ws/chat/{uuid.uuid4()}/", headers={
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Origin": site,
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(), "Cookie": session_cookie(site)})
    assert connection.getresponse().status == 101
    size = consumers.FRAME_BYTES + 1
    unmasked = bytes(4)  # the key zero leaves the text as it is
    connection.sock.sendall(b"\x81\xff" + size.to_bytes(8, "big") + unmasked + b"x" * size)
    answer = connection.sock.recv(4)
    assert answer == b"\x88\x02" + consumers.TOO_BIG.to_bytes(2, "big")
    connection.close()


@pytest.mark.parametrize("declared", [True, False])
def test_larger_bodies_than_allowed_are_refused_before_they_are_kept(site: str, declared: bool) -> None:
    address = urlsplit(site)
    head = "Content-Length: 3000000000" if declared else "Transfer-Encoding: chunked"
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(f"POST / HTTP/1.1\r\nHost: {address.netloc}\r\n{head}\r\n\r\n".encode())
        if not declared:
            for _ in range(3):
                connection.sendall(b"%x\r\n%b\r\n" % (1_000_000, b"x" * 1_000_000))
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


async def test_another_session_sees_nothing_of_it(open_page: OpenPage, visitor: Callable[[], Client]) -> None:
    page = await open_page()
    await page.ask("a secret")
    await page.until('data-state="done"')
    answer = await Message.objects.aget(conversation_id=page.id, role="assistant")

    def intrude() -> list[int]:
        stranger = visitor()
        return [stranger.get(f"/c/{page.id}/").status_code, stranger.get(f"/c/{page.id}/export.md").status_code,
                stranger.post(f"/c/{page.id}/rename/", {"title": "mine"}).status_code,
                stranger.post(f"/c/{page.id}/delete/").status_code,
                stranger.get(f"/messages/{answer.pk}/inside/").status_code]

    assert await sync_to_async(intrude)() == [404] * 5
    assert (await Conversation.objects.aget()).title == "a secret"


async def test_another_sessions_socket_is_refused(open_page: OpenPage, visitor: Callable[[], Client]) -> None:
    from conftest import Page

    page = await open_page()
    await page.ask("a secret")
    await page.until('data-state="done"')
    stranger = Page(await sync_to_async(visitor)(), page.id)
    assert not await stranger.open()


async def test_a_page_whose_session_has_ended_can_do_nothing_more(open_page: OpenPage) -> None:
    page = await open_page()
    await page.ask("first")
    await page.until('data-state="done"')
    await sync_to_async(page.client.session.flush)()
    await page.ask("second")
    assert "Your session has ended" in await page.until('class="notice"')
    assert await Message.objects.filter(conversation_id=page.id).acount() == 2


async def test_signing_in_adopts_the_sessions_conversations(open_page: OpenPage) -> None:
    page = await open_page()
    await page.ask("mine")
    await page.until('data-state="done"')

    def sign_in() -> tuple[int, int]:
        user = get_user_model().objects.create_user("ann", password="a long enough one")
        page.client.login(username="ann", password="a long enough one")
        request_like = page.client.post("/sign-in/", {"username": "ann", "password": "a long enough one"})
        assert request_like.status_code in (200, 302)
        elsewhere = Client()
        elsewhere.force_login(user)
        return Conversation.objects.get().owner_id == user.pk, elsewhere.get(f"/c/{page.id}/").status_code

    assert await sync_to_async(sign_in)() == (True, 200)


async def test_hostile_text_is_only_text_in_prompt_title_and_answer(open_page: OpenPage) -> None:
    page = await open_page()
    await page.ask(HOSTILE)
    await page.until('data-state="done"')
    assert "&lt;script&gt;" in "".join(page.fragments)
    body = (await sync_to_async(page.client.get)(f"/c/{page.id}/")).content.decode()
    for html in (*page.fragments, body):
        assert Alive(html).found == []


@pytest.mark.parametrize("source", [
    HOSTILE, "![x](https://evil.example/x.png)", "[x](javascript:alert(1))", "[x](data:text/html,x)", "[x](/admin/)",
    "<div hx-get='/x' hx-trigger='load'>x</div>", "<style>*{display:none}</style>", "`<script>`",
])
def test_no_markdown_becomes_alive(source: str) -> None:
    tags = re.findall(r"<[^>]*>", render(source).removeprefix('<div class="plain">'))
    assert not re.search(r"<(script|img|style|iframe|div)|javascript:|data:|href=./|hx-|onerror", "".join(tags))


def test_links_are_not_followed_and_know_no_opener() -> None:
    assert render("[x](https://example.org)") == (
        '<p><a href="https://example.org" rel="noopener nofollow">x</a></p>\n')


def test_pages_forbid_inline_scripts_and_styles(assistants: None) -> None:
    policy = Client().get("/")["Content-Security-Policy"]
    assert "unsafe" not in policy and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    body = Client().get("/").content.decode()
    assert " style=" not in body and "<style" not in body and "onclick" not in body and "<script>" not in body


async def test_too_many_messages_are_told_when_to_come_back(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consumers, "asking", RateLimit(1, 60))
    page = await open_page()
    await page.ask("one")
    await page.until('data-state="done"')
    await page.ask("two")
    notice = await page.until('class="notice"')
    assert "Try again in" in notice and "data-restore" in notice


async def test_a_message_that_is_too_long_or_empty_is_refused_with_its_limit(open_page: OpenPage) -> None:
    page = await open_page()
    await page.ask("x" * (settings.MESSAGE_CHARACTERS + 1))
    assert "100,001 characters" in await page.until('class="notice"')
    await page.ask("  \n ")
    assert "The message is empty" in await page.until('class="notice"')


@pytest.mark.parametrize("frame", ["[1]", "{", "7", '{"action": "dance"}', '{"action": ["send"]}', "[" * 5000])
async def test_nonsense_is_answered_and_breaks_nothing(open_page: OpenPage, frame: str) -> None:
    page = await open_page()
    await page.socket.send_to(text_data=frame)
    assert "not understood" in await page.until('class="notice"')


HUGE = "1" + "0" * 400


@pytest.mark.parametrize("frame", [
    '{"action": "ack", "sequence": 1e999}', '{"action": "ack", "sequence": [1]}',
    '{"action": "attach", "last": -1e999}', '{"action": "rate", "message": 1e999, "good": {}}',
    f'{{"action": "rate", "message": {HUGE}, "good": "true"}}', '{"action": "regenerate", "message": NaN}',
    '{"action": "regenerate", "message": {"a": [1]}}', '{"action": "send", "text": 7, "assistant": ["generation"]}',
    '{"action": "send", "text": "a", "assistant": "\\ud800"}',
])
async def test_values_of_a_wrong_kind_break_nothing(open_page: OpenPage, frame: str) -> None:
    page = await open_page()
    await page.socket.send_to(text_data=frame)
    await page.ask("hello there")
    await page.until('data-state="done"')


@pytest.mark.parametrize("options", [{"temperature": int(HUGE), "max_tokens": float("inf")}, {"temperature": [1]},
                                     {"max_tokens": float("nan")}])
async def test_options_of_a_wrong_kind_count_as_not_set_or_as_the_most(open_page: OpenPage, options: Any) -> None:
    page = await open_page()
    await page.ask("hello there", **options)
    await page.until('data-state="done"')


async def test_half_a_character_is_stored_as_what_it_is_not(open_page: OpenPage) -> None:
    page = await open_page()
    await page.ask("half \ud83d a smile")
    await page.until('data-state="done"')
    assert (await Message.objects.aget(role="user")).text == "half \ufffd a smile"


async def test_a_flood_of_frames_closes_the_socket(open_page: OpenPage) -> None:
    page = await open_page()
    for _ in range(consumers.FRAMES_AT_ONCE + 20):
        await page.socket.send_to(text_data=json.dumps({"action": "ack", "sequence": 0}))
    await asyncio.sleep(0.2)
    assert (await page.socket.receive_output(timeout=2))["type"] == "websocket.close"


def test_a_bucket_refills_with_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("webapp.chat.limits.time.monotonic", lambda: now[0])
    bucket = Bucket(rate=1, size=2)
    assert [bucket.take() for _ in range(3)] == [True, True, False]
    now[0] = 1.5
    assert bucket.take()
