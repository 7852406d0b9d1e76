"""A share link's visitors: what they reach, what they do not, and how it ends for them."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
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
from scripted import ScriptedEngine
from test_guard import handshake, session_cookie

from webapp.accounts.models import Role, User
from webapp.assistants.models import Assistant, Visibility
from webapp.chat import link_consumers
from webapp.chat.models import Conversation, Feedback, Message
from webapp.chat.services import forget
from webapp.sharing import services
from webapp.sharing.models import ShareLink
from webapp.sharing.services import Terms, token_of

ORIGIN = "https://friend.example"
TICKET = re.compile(r'data-ticket="([^"]+)"')


@pytest.fixture
def link_to(engine: ScriptedEngine) -> Callable[..., ShareLink]:
    """Makes links to an assistant that is its owner's secret."""
    owner = User.objects.create_user("tina", role=Role.TRAINER)
    Assistant.objects.filter(slug="generation").update(owner=owner, visibility=Visibility.PRIVATE)
    Assistant.objects.filter(slug="question-answering").update(owner=owner)

    def make(slug: str = "generation", password: str = "", **terms: Any) -> ShareLink:
        assistant = Assistant.objects.get(slug=slug)
        return services.make_link(owner=owner, assistant=assistant, terms=Terms(**terms), password=password)

    return make


@pytest.fixture
def link(link_to: Callable[..., ShareLink]) -> ShareLink:
    return link_to(embed_origins=(ORIGIN,))


@pytest.fixture(autouse=True)
def _fast_watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(link_consumers, "LOOK_SECONDS", 0.2)
    yield
    link_consumers.watch._open.clear()


def way(link: ShareLink, rest: str = "") -> str:
    return f"/s/{token_of(link)}/{rest}"


class LinkPage(Page):
    """A page of a link; with a ticket, one in a frame that sends no cookie."""

    def __init__(self, client: Client, link: ShareLink, conversation_id: uuid.UUID, ticket: str = "") -> None:
        super().__init__(client, conversation_id)
        self.address = f"/ws/s/{token_of(link)}/{self.id}/?language=en" + (f"&ticket={ticket}" if ticket else "")


@pytest.fixture
async def enter(link: ShareLink) -> Any:
    """Opens pages of links as visitors, and closes them at the end."""
    pages: list[LinkPage] = []

    async def entering(at: ShareLink | None = None, client: Client | None = None, **more: Any) -> LinkPage:
        at, client = at or link, client or Client()
        if "ticket" not in more:
            await sync_to_async(client.get)(way(at))
        page = LinkPage(client, at, more.get("conversation_id") or uuid.uuid4(), more.get("ticket", ""))
        assert await page.open()
        pages.append(page)
        return page

    yield entering
    for page in pages:
        await page.close()


async def answered(page: LinkPage, text: str = "hello there") -> Message:
    await page.ask(text)
    await page.until('data-state="done"')
    return await Message.objects.filter(conversation_id=page.id, role="assistant").alast()


async def closed(page: LinkPage) -> str:
    """The last words on a page whose socket is closed."""
    html = await page.until('data-testid="closed"')
    assert (await page.socket.receive_output(timeout=2)) == {"type": "websocket.close", "code": 1008}
    return html


# Pages


def test_the_page_shows_the_assistant_and_nothing_of_the_site(link: ShareLink) -> None:
    body = Client().get(way(link)).content.decode()
    assert "Generation" in body and "kept for 30 days" in body and "the owner of this link sees" in body
    for foreign in ("assistant-select", "/sign-in/", "id=\"sidebar\"", "/admin/", "Translation"):
        assert foreign not in body


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


# Talking


async def test_an_answer_comes_is_counted_and_is_there_after_a_reload(link: ShareLink, enter: Any) -> None:
    page = await enter()
    answer = await answered(page)
    assert answer.text == "hello there"
    await link.arefresh_from_db()
    assert (link.requests, link.tokens, await link.visitors.acount()) == (1, 5, 1)
    conversation = await Conversation.objects.aget()
    assert (conversation.link_id, conversation.owner_id) == (link.pk, None)
    again = await sync_to_async(page.client.get)(way(link, f"c/{page.id}/"))
    assert again.status_code == 200 and "hello there" in again.content.decode()
    assert any(f'data-url="{way(link, f"c/{page.id}/")}"' in html for html in page.fragments)


async def test_a_reload_in_the_middle_goes_on(link: ShareLink, enter: Any, engine: ScriptedEngine) -> None:
    engine.pace = 0.05
    page = await enter()
    await page.ask("one two three four five six seven eight")
    await page.until("-tail")
    await page.close()
    again = await enter(client=page.client, conversation_id=page.id)
    assert "seven eight" in await again.until('data-state="done"')


async def test_how_it_came_about_is_shown_to_its_visitor_only(link: ShareLink, enter: Any) -> None:
    page = await enter()
    answer = await answered(page)
    inside = way(link, f"messages/{answer.pk}/inside/")

    def look() -> list[int]:
        stranger, passer = Client(), Client()
        stranger.get(way(link))
        return [client.get(inside).status_code for client in (page.client, stranger, passer)] + [
            page.client.get(f"/messages/{answer.pk}/inside/").status_code]

    assert await sync_to_async(look)() == [200, 404, 404, 404]


async def test_the_owners_documents_are_searched_and_none_can_be_added(
    link_to: Callable[..., ShareLink], enter: Any, engine: ScriptedEngine,
) -> None:
    link = await database_sync_to_async(link_to)("question-answering")
    page = await enter(link)
    await page.ask("who?", assistant="question-answering")
    await page.until('data-state="done"')

    def add() -> tuple[int, bytes]:
        body = page.client.get(way(link)).content
        return page.client.post(f"/c/{page.id}/documents/", {"assistant": "question-answering"}).status_code, body

    status, body = await sync_to_async(add)()
    assert status in (200, 404) and b"add-document" not in body and b'type="file"' not in body
    assert engine.requests[0].documents == () and not await page_documents(page)


async def page_documents(page: LinkPage) -> int:
    return await (await Conversation.objects.aget(pk=page.id)).documents.acount()


async def test_limits_are_said_in_the_chat_and_the_text_comes_back(
    link_to: Callable[..., ShareLink], enter: Any,
) -> None:
    page = await enter(await database_sync_to_async(link_to)(visitor_limit=1))
    await answered(page)
    await page.ask("one more")
    notice = await page.until('class="notice"')
    assert "allows you 1 question" in notice and "Ask the person" in notice and "data-restore" in notice
    assert await Message.objects.filter(conversation_id=page.id).acount() == 2


async def test_a_visitor_of_a_link_can_rate_its_answers(enter: Any) -> None:
    page = await enter()
    answer = await answered(page)
    await page.send(action="rate", message=answer.pk, good="false", correction="It should have said this")
    await page.next()
    given = await Feedback.objects.aget()
    assert (given.message_id, given.good, given.correction) == (answer.pk, False, "It should have said this")


async def test_what_is_refused_for_another_reason_is_not_counted(link: ShareLink, enter: Any) -> None:
    page = await enter()
    await page.ask("   ")
    assert "The message is empty" in await page.until('class="notice"')
    await link.arefresh_from_db()
    assert link.requests == 0


async def test_fifty_sockets_at_once_stay_within_the_limit(link_to: Callable[..., ShareLink], enter: Any) -> None:
    link = await database_sync_to_async(link_to)(total_limit=5)
    pages = [await enter(link) for _ in range(50)]
    await asyncio.gather(*(page.ask("hello") for page in pages))
    ends = await asyncio.gather(*(end(page) for page in pages))
    assert ends.count("answered") == 5 and ends.count("refused") == 45
    await link.arefresh_from_db()
    assert link.requests == 5 == await Conversation.objects.acount()


async def end(page: LinkPage) -> str:
    """Whether the question was answered."""
    while True:
        html = await page.next(20)
        if 'data-state="done"' in html or 'class="notice"' in html:
            return "answered" if 'data-state="done"' in html else "refused"


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


# The end


@pytest.mark.parametrize(("act", "words"), [
    (services.revoke, "has been closed"), (services.pause, "paused"),
    (lambda link: services.change_link(link=link, terms=Terms(), password="a new one"),
     "password of this link was changed"),
])
async def test_open_pages_close_at_once_and_say_why(link: ShareLink, enter: Any, monkeypatch: Any, act: Any, words: str,
                                                    ) -> None:
    monkeypatch.setattr(link_consumers, "LOOK_SECONDS", 60)
    pages = [await enter(), await enter()]
    await answered(pages[0])
    await database_sync_to_async(act)(link=link)
    for page in pages:
        assert words in await closed(page)


async def test_what_another_process_closes_is_seen_soon(link: ShareLink, enter: Any) -> None:
    page = await enter()
    await ShareLink.objects.filter(pk=link.pk).aupdate(revoked=timezone.now())
    assert "has been closed" in await closed(page)


async def test_a_link_that_runs_out_closes_its_pages(link: ShareLink, enter: Any) -> None:
    page = await enter()
    await ShareLink.objects.filter(pk=link.pk).aupdate(expires=timezone.now() + timedelta(seconds=0.5))
    assert "limited time" in await closed(page)


async def test_a_message_to_a_closed_link_is_not_answered(link: ShareLink, enter: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(link_consumers, "LOOK_SECONDS", 60)
    page = await enter()
    await ShareLink.objects.filter(pk=link.pk).aupdate(paused=True)
    await page.ask("hello?")
    assert "paused" in await closed(page)
    assert not await Message.objects.aexists()


async def test_a_page_that_comes_back_to_a_closed_link_is_told(link: ShareLink, enter: Any) -> None:
    page = await enter()
    await page.close()
    await ShareLink.objects.filter(pk=link.pk).aupdate(paused=True)
    back = LinkPage(page.client, link, page.id)
    assert await back.open(attach=False)
    assert "paused" in await closed(back)


async def test_a_password_given_before_it_changed_opens_no_socket(
    link_to: Callable[..., ShareLink],
) -> None:
    link = await database_sync_to_async(link_to)(password="open sesame")
    client = Client()
    await sync_to_async(client.post)(way(link), {"password": "open sesame"})
    await sync_to_async(client.get)(way(link))
    first = LinkPage(client, link, uuid.uuid4())
    assert await first.open()
    await first.close()
    await database_sync_to_async(services.change_link)(link=link, terms=Terms(), password="another one")
    assert not await LinkPage(client, link, uuid.uuid4()).open()


async def test_nothing_watches_when_no_page_is_open(link: ShareLink, enter: Any) -> None:
    page = await enter()
    task = link_consumers.watch._task
    await page.close()
    await asyncio.wait_for(task, 2)


def test_conversations_are_kept_for_the_days_that_were_promised(link_to: Callable[..., ShareLink]) -> None:
    short, long = link_to(keep_days=7), link_to(keep_days=365)
    for link in (short, long):
        Conversation.objects.create(assistant=link.assistant, link=link, session="x")
    Conversation.objects.update(updated=timezone.now() - timedelta(days=8))
    assert forget(before=timezone.now() - timedelta(days=1)) == 1
    assert Conversation.objects.get().link_id == long.pk

