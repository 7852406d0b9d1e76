"""Passwords of links, and tickets of pages without cookies."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from modeling.errors import RequestError
from webapp.accounts import throttle
from webapp.sharing import entries, services
from webapp.sharing.models import ShareLink
from webapp.sharing.services import Terms

LinkTo = Callable[..., ShareLink]


def says(link: ShareLink, password: str, address: str = "192.0.2.1") -> str:
    try:
        entries.check_password(link=link, password=password, address=address)
    except RequestError as error:
        return error.found
    return "in"


def test_the_password_is_stored_hashed_and_lets_in(link_to: LinkTo) -> None:
    link = link_to(password="open sesame")
    assert "sesame" not in link.password
    assert says(link, "open sesame") == "in" and says(link, "open Sesame") == "This is not the password"


def test_after_too_many_wrong_ones_the_right_one_has_to_wait_too(link_to: LinkTo) -> None:
    link = link_to(password="open sesame")
    for _ in range(throttle.LIMITS["pair"]):
        says(link, "a guess")
    assert says(link, "open sesame") == "Too many wrong passwords"
    assert says(link, "open sesame", address="192.0.2.2") == "in"
    assert says(link_to(password="another"), "another") == "in"


def test_fifty_guesses_at_once_are_no_way_around_that(link_to: LinkTo) -> None:
    link = link_to(password="open sesame")
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda number: says(link, f"guess {number}"), range(50)))
    assert answers.count("This is not the password") <= throttle.LIMITS["pair"]


def test_another_password_ends_what_the_old_one_opened(link_to: LinkTo) -> None:
    link = link_to(password="open sesame")
    shown = entries.fingerprint(link)
    assert entries.entered(link, shown) and not entries.entered(link, None) and not entries.entered(link, "")
    services.change_link(link=link, terms=Terms(), password="another one")
    assert not entries.entered(link, shown)
    services.change_link(link=link, terms=Terms(), password="")
    assert entries.entered(link, None)


def test_a_ticket_speaks_for_its_visitor_at_its_link_alone(link_to: LinkTo) -> None:
    link, other = link_to(), link_to()
    ticket = entries.ticket_for(link, "ann")
    assert entries.key_of_ticket(link, ticket) == "ann"
    assert entries.key_of_ticket(other, ticket) is None


@pytest.mark.parametrize("spoil", [lambda t: t[:-2], lambda t: "x" + t, lambda _t: "", lambda _t: "a:b:c"])
def test_a_forged_ticket_speaks_for_nobody(link_to: LinkTo, spoil: Callable[[str], str]) -> None:
    link = link_to()
    assert entries.key_of_ticket(link, spoil(entries.ticket_for(link, "ann"))) is None


def test_a_ticket_ends_with_its_time_and_with_its_password(link_to: LinkTo, monkeypatch: Any) -> None:
    link = link_to(password="open sesame")
    ticket = entries.ticket_for(link, "ann")
    services.change_link(link=link, terms=Terms(), password="another one")
    assert entries.key_of_ticket(link, ticket) is None
    fresh = entries.ticket_for(link, "ann")
    monkeypatch.setattr(entries, "TICKET_SECONDS", -1)
    assert entries.key_of_ticket(link, fresh) is None
