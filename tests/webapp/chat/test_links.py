"""Pages of share links: what their visitors reach, and what they do not."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from conftest import Page
from django.conf import settings
from django.test import Client
from django.utils import timezone
from linked import ORIGIN, TICKET, LinkPage, answered, way
from scripted import ScriptedEngine
from test_guard import handshake, session_cookie

from webapp.accounts.models import User
from webapp.assistants.models import Assistant
from webapp.assistants.starters import INTRODUCTIONS
from webapp.chat.models import Conversation
from webapp.sharing import services
from webapp.sharing.models import ShareLink
from webapp.sharing.services import Terms

# Pages


def test_the_page_shows_the_assistant_and_nothing_of_the_site(link: ShareLink) -> None:
    body = Client().get(way(link)).content.decode()
    assert "Generation" in body and "kept for 30 days" in body and "the owner of this link sees" in body
    for foreign in ("assistant-select", "/sign-in/", "id=\"sidebar\"", "/admin/", "Translation"):
        assert foreign not in body


def test_only_those_who_can_add_documents_are_told_so(link: ShareLink) -> None:
    Assistant.objects.filter(pk=link.assistant_id).update(task="question-answering")
    assert "documents of your own" in Client().get("/", {"assistant": link.assistant.slug}).text
    assert "documents of your own" not in Client().get(way(link)).text
    assert not any("your own" in one.welcome_en or "自己" in one.welcome_zh for one in INTRODUCTIONS.values())


@pytest.mark.parametrize("rest", ["", "embed/"])
def test_pages_are_for_no_robot_no_cache_and_no_other_site(link: ShareLink, rest: str) -> None:
    response = Client().get(way(link, rest))
    assert response["X-Robots-Tag"] == "noindex, nofollow" and response["Referrer-Policy"] == "same-origin"
    assert "no-store" in response["Cache-Control"] and "unsafe" not in response["Content-Security-Policy"]


def test_each_refusal_has_its_own_plain_page(link_to: Callable[..., ShareLink]) -> None:
    paused, revoked, expired = link_to(), link_to(), link_to(expires=timezone.now())
    services.pause(link=paused)
    services.revoke(link=revoked)
    pages = {one: Client().get(one) for one in (way(paused), way(revoked), way(expired), "/s/unknown/")}
    assert [page.status_code for page in pages.values()] == [403, 404, 410, 404]
    assert pages[way(revoked)].content == pages["/s/unknown/"].content
    assert b"paused it" in pages[way(paused)].content and b"limited time" in pages[way(expired)].content


def test_languages_are_those_of_the_link(link_to: Callable[..., ShareLink]) -> None:
    chinese = Client().get(way(link_to(languages=("zh-hans",))), headers={"Accept-Language": "en"}).content.decode()
    assert 'lang="zh-Hans"' in chinese and ">English<" not in chinese
    both = Client().get(way(link_to()), headers={"Accept-Language": "en"}).content.decode()
    assert ">中文<" in both
    framed = Client().get(way(link_to(), "embed/?language=zh-hans"), headers={"Accept-Language": "en"})
    assert "助手4" in framed.content.decode()


def test_the_password_opens_this_link_in_this_browser(link_to: Callable[..., ShareLink]) -> None:
    link, client = link_to(password="open sesame"), Client()
    assert b"asks for a password" in client.get(way(link)).content
    assert b"This is not the password" in client.post(way(link), {"password": "wrong one"}).content
    assert client.post(way(link), {"password": "open sesame"}).status_code == 302
    assert b"asks for a password" not in client.get(way(link)).content
    assert b"asks for a password" in Client().get(way(link)).content
    assert b"asks for a password" in client.get(way(link_to(password="open sesame"))).content
    services.change_link(link=link, terms=Terms(), password="another one")
    assert b"asks for a password" in client.get(way(link)).content


def test_the_password_form_is_safe_from_other_sites(link_to: Callable[..., ShareLink]) -> None:
    link, client = link_to(password="open sesame", embed_origins=(ORIGIN,)), Client(enforce_csrf_checks=True)
    assert client.post(way(link), {"password": "open sesame"}).status_code == 403
    for origin in ({}, {"Origin": "null"}, {"Origin": ORIGIN}, {"Origin": "http://127.0.0.1:1"}):
        assert client.post(way(link, "embed/"), {"password": "open sesame"}, headers=origin).status_code == 403
    own = client.post(way(link, "embed/"), {"password": "open sesame"}, headers={"Origin": settings.ORIGINS[0]})
    assert own.status_code == 200 and TICKET.search(own.content.decode())


def test_only_the_page_for_frames_can_be_framed_and_only_by_the_sites_named(link: ShareLink) -> None:
    framed, alone = Client().get(way(link, "embed/")), Client().get(way(link))
    assert f"frame-ancestors {ORIGIN};" in framed["Content-Security-Policy"] + ";"
    assert "X-Frame-Options" not in framed and alone["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in alone["Content-Security-Policy"]


def test_a_site_that_frames_it_chooses_the_theme(link_to: Callable[..., ShareLink]) -> None:
    for link in (link_to(), link_to(password="open sesame")):
        assert b'data-theme="dark"' in Client().get(way(link, "embed/?theme=dark")).content
        assert b"data-theme" not in Client().get(way(link, "embed/?theme=%22x")).content


def test_a_link_that_names_no_site_is_framed_by_none(link_to: Callable[..., ShareLink]) -> None:
    response = Client().get(way(link_to(), "embed/"))
    assert "frame-ancestors 'none'" in response["Content-Security-Policy"] and response["X-Frame-Options"] == "DENY"


def test_the_page_for_frames_sets_no_cookie(link_to: Callable[..., ShareLink]) -> None:
    for link in (link_to(), link_to(password="open sesame")):
        response = Client().get(way(link, "embed/"))
        assert not response.cookies and "csrfmiddlewaretoken" not in response.content.decode()


# Keeping apart


async def test_visitors_of_one_link_do_not_see_each_other(link: ShareLink, enter: Any) -> None:
    page = await enter()
    await answered(page, "a secret")
    stranger = Client()
    response = await sync_to_async(stranger.get)(way(link, f"c/{page.id}/"))
    assert response.status_code == 404 and b"a secret" not in response.content
    assert not await LinkPage(stranger, link, page.id).open()


async def test_a_link_is_no_way_into_anything_else(
    link: ShareLink, link_to: Callable[..., ShareLink], enter: Any,
) -> None:
    page = await enter()
    await answered(page, "a secret")
    other = await database_sync_to_async(link_to)()

    def reach() -> list[int]:
        client = page.client
        return [client.get(address).status_code for address in (
            f"/c/{page.id}/", f"/c/{page.id}/export.md", way(other, f"c/{page.id}/"), "/?assistant=generation")] + [
            client.post(f"/c/{page.id}/{act}/", {"title": "x"}).status_code for act in ("rename", "delete")]

    assert await sync_to_async(reach)() == [404, 404, 404, 200, 404, 404]
    front = await sync_to_async(page.client.get)("/?assistant=generation")
    assert b"Generation" not in front.content and b"a secret" not in front.content
    assert not await Page(page.client, page.id).open()
    assert not await LinkPage(page.client, other, page.id).open()


async def test_no_other_assistant_answers_over_it(link: ShareLink, enter: Any, engine: ScriptedEngine) -> None:
    page = await enter()
    await page.ask("hello", assistant="translation")  # which everyone who opens the site can pick
    assert "not here any more" in await page.until('class="notice"')
    assert not engine.requests and not await Conversation.objects.aexists()


async def test_a_signed_in_users_own_conversations_do_not_mix_with_the_links(link: ShareLink, enter: Any) -> None:
    client = Client()

    def sign_in() -> User:
        user = User.objects.create_user("ann", password="a long enough one")
        client.get(way(link))
        client.post("/sign-in/", {"username": "ann", "password": "a long enough one"})
        return user

    page = await enter(client=client)
    await answered(page, "before")
    user = await sync_to_async(sign_in)()
    assert (await Conversation.objects.aget()).owner_id is None
    mine = await Conversation.objects.acreate(
        assistant=await Assistant.objects.aget(slug="translation"), owner=user, title="my own")
    body = (await sync_to_async(client.get)("/")).content.decode()
    assert "my own" in body and "before" not in body
    assert (await sync_to_async(client.get)(way(link, f"c/{mine.pk}/"))).status_code == 404


# Frames


async def test_a_ticket_is_enough_where_there_is_no_cookie(link: ShareLink, enter: Any) -> None:
    body = (await sync_to_async(Client().get)(way(link, "embed/"))).content.decode()
    ticket = TICKET.search(body).group(1)
    page = await enter(ticket=ticket)
    answer = await answered(page)
    inside = way(link, f"messages/{answer.pk}/inside/")
    with_ticket = await sync_to_async(Client().get)(inside, headers={"X-Parley-Ticket": ticket})
    without = await sync_to_async(Client().get)(inside)
    assert (with_ticket.status_code, without.status_code) == (200, 404)


async def test_no_ticket_a_forged_one_and_another_links_one_are_refused(
    link: ShareLink, link_to: Callable[..., ShareLink],
) -> None:
    other = await database_sync_to_async(link_to)(password="open sesame")
    body = (await sync_to_async(Client().get)(way(link, "embed/"))).content.decode()
    ticket = TICKET.search(body).group(1)
    for at, shown in ((link, ""), (link, "forged"), (link, ticket[:-1]), (other, ticket), (other, "")):
        assert not await LinkPage(Client(), at, uuid.uuid4(), shown).open()


async def test_an_unknown_link_has_no_socket(link: ShareLink) -> None:
    client = Client()
    await sync_to_async(client.get)(way(link))
    page = LinkPage(client, link, uuid.uuid4())
    page.address = f"/ws/s/unknown/{uuid.uuid4()}/"
    assert not await page.open()


def test_only_this_sites_own_pages_may_open_a_links_socket(site: str, site_home: Path) -> None:
    path, cookie = f"/s/{(site_home / 'link').read_text()}/", session_cookie(site)
    assert handshake(site, site, cookie, f"/ws{path}") == 101
    assert handshake(site, site, "", f"/ws{path}") == 403
    assert handshake(site, site, cookie, "/ws/s/unknown/") == 403
    for origin in (None, "null", ORIGIN, f"https://127.0.0.1:{urlsplit(site).port}"):
        assert handshake(site, origin, cookie, f"/ws{path}") == 403, origin
