"""Every address of the site, asked by everybody. An address without an entry in the table fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLResolver, get_resolver, reverse

from tests.webapp.rights_table import ACT, READ, RULES, Rule
from tests.webapp.world import ACTORS, World, make_world

pytestmark = [pytest.mark.django_db, pytest.mark.once]
OLD_ADDRESS = re.compile(r"admin/\w+/\w+/<path:object_id>/")
WORDS = {"secret of mia": {"mia"}, "secret of a visitor": {"link visitor"}, "of tess": {"ada", "tess"}}
FOREIGN = {"Origin": "https://evil.example"}
FROM_AFAR = {"REMOTE_ADDR": "203.0.113.9"}
WRITES = re.compile(r'(INSERT|UPDATE|DELETE)\b(?!.*"django_session")')


def routes(resolver: Any = None, space: str = "", prefix: str = "") -> Iterator[tuple[str, str]]:
    """The name (or, where there is none, the pattern) of each address, and its pattern."""
    for entry in (resolver or get_resolver()).url_patterns:
        pattern = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry, f"{space}{entry.namespace}:" if entry.namespace else space, pattern)
        elif OLD_ADDRESS.fullmatch(pattern):
            yield "admin/*/*/<path:object_id>/", pattern
        else:
            yield f"{space}{entry.name}" if entry.name else pattern, pattern


@pytest.fixture
def world(tmp_path: Any, settings: Any) -> World:
    settings.HOME, settings.DOCUMENTS = tmp_path / "home", tmp_path / "home" / "documents"
    return make_world()


def address(name: str, rule: Rule, world: World) -> str:
    if name.startswith("admin/"):
        old = f"/admin/datasets/dataset/{world.dataset.pk}/"
        return old if name.startswith("admin/*") else "/" + name.replace("(?P<url>.*)$", "nothing")
    return reverse(name, args=rule.where(world))


@contextmanager
def unchanged(world: World) -> Iterator[None]:
    """Whatever is done inside is undone: rows, sessions, cookies."""
    cookies = {name: SimpleCookie(browser.cookies.output(header="", sep=";")) for name, browser in
               world.browsers.items()}
    try:
        with transaction.atomic():
            yield
            transaction.set_rollback(True)
    finally:
        for name, browser in world.browsers.items():
            browser.cookies = cookies[name]


def let_in(response: HttpResponse) -> bool:
    """Neither refused nor sent away."""
    away = response.status_code == 302 and (
        response["Location"].startswith(reverse("signin")) or response["Location"] == reverse("admin:index"))
    return response.status_code < 500 and response.status_code not in (401, 403, 404, 405) and not away


def policy_of(response: HttpResponse, path: str) -> str | None:
    """What is wrong with the content security policy."""
    policy = response.headers.get("Content-Security-Policy", "")
    if not policy:
        return "no policy"
    if "//" in policy or "*" in policy:
        return "foreign hosts"
    return "unsafe" if "unsafe" in policy and not path.startswith("/admin/") else None


def ask(world: World, actor: str, method: str, path: str, rule: Rule) -> HttpResponse:
    data = rule.data(world) if method == "post" else {}
    return getattr(world.browsers[actor], method)(path, data, **FROM_AFAR)


def body(response: HttpResponse) -> str:
    if not response.streaming:
        return response.text
    pieces = async_to_sync(_all)(response.streaming_content) if response.is_async else response.streaming_content
    return b"".join(pieces).decode("utf-8", "replace")


async def _all(pieces: Any) -> list[bytes]:
    return [piece async for piece in pieces]


def faults(name: str, rule: Rule, world: World) -> Iterator[str]:
    """What is not as the rule says, in words."""
    path = address(name, rule, world)
    for actor in ACTORS:
        for method in ("get", "post") if rule.how != READ else ("get",):
            with unchanged(world), CaptureQueriesContext(connection) as queries:
                response = ask(world, actor, method, path, rule)
                text = body(response)
            said = f"{name} {method.upper()} by {actor}: {response.status_code} {response.headers.get('Location', '')}"
            if rule.how == ACT and method == "get":
                if let_in(response):
                    yield f"{said}, though it changes something"
            elif let_in(response) is not (actor in rule.who):
                yield said
            if wrong := policy_of(response, path):
                yield f"{said}: {wrong}"
            for word, owners in WORDS.items():
                if word in text and actor not in owners | rule.shows.get(word, frozenset()):
                    yield f"{said} shows “{word}”"
            if method == "get" and (written := [q["sql"] for q in queries if WRITES.match(q["sql"])]):
                yield f"{said} writes: {written[0][:80]}"


def test_each_address_has_a_rule_and_each_rule_an_address():
    found = {name for name, _pattern in routes()}
    assert found - set(RULES) == set(), "addresses for which nobody has said who may use them"
    assert set(RULES) - found == set(), "rules for addresses that are not there"


def test_everybody_gets_at_each_address_what_the_table_says(world):
    found = [fault for name, rule in RULES.items() for fault in faults(name, rule, world)]
    assert not found, "\n".join(found)


def test_nothing_changes_state_without_a_token_of_our_own_pages(world):
    """Whoever is asked for: a foreign page's form, sent with the cookies of one who may do it."""
    open_ended = []
    for name, rule in RULES.items():
        for actor in rule.who or {"ada"}:
            browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
            browser.cookies = world.browsers[actor].cookies
            for method in ("post", "put", "patch", "delete"):
                with unchanged(world):
                    response = getattr(browser, method)(address(name, rule, world), headers=FOREIGN)
                if response.status_code != 403 and (method == "post" or response.status_code != 405):
                    open_ended.append(f"{name} {method} as {actor}: {response.status_code}")
    assert open_ended == []


def test_what_needs_no_account_cannot_be_framed_by_other_sites(world):
    for name in ("chat", "signin", "account", "admin:index", "link"):
        response = world.browsers["ada"].get(address(name, RULES[name], world))
        assert "frame-ancestors 'none'" in response["Content-Security-Policy"], name
        assert response["X-Frame-Options"] == "DENY", name
