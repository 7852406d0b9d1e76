"""What the form of a link takes, and what it says beside its fields."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from webapp.accounts.models import User
from webapp.assistants.models import Assistant
from webapp.sharing.forms import LinkForm, origin_of
from webapp.sharing.models import ShareLink

LinkTo = Callable[..., ShareLink]


def filled(user: User, shared: Assistant, link: ShareLink | None = None, **changes: Any) -> LinkForm:
    data = {"assistant": shared.pk, "valid": "week", "languages": ["en", "zh-hans"], "keep_days": 30, **changes}
    return LinkForm(data, user=user, link=link)


def test_a_plain_form_makes_plain_terms(trainer: User, assistant: Assistant) -> None:
    form = filled(trainer, assistant)
    assert form.is_valid(), form.errors
    terms = form.terms
    assert abs(terms.expires - timezone.now() - timedelta(days=7)) < timedelta(minutes=1)
    assert terms.languages == () == terms.embed_origins and terms.keep_days == 30 and form.new_password is None


def test_the_last_day_counts_to_its_end(trainer: User, assistant: Assistant) -> None:
    today = timezone.now().date()
    form = filled(trainer, assistant, valid="date", date=today.isoformat())
    assert form.is_valid(), form.errors
    assert form.terms.expires.date() == today + timedelta(days=1)


@pytest.mark.parametrize(("field", "value"), [
    ("valid", "forever"), ("assistant", 0), ("assistant", "x"), ("note", "x" * 121), ("password", "short"),
    ("password", "x" * 129), ("visitor_limit", "0"), ("visitor_limit", "-1"), ("total_limit", "1e9"),
    ("total_limit", 10**12), ("languages", []), ("languages", ["xx"]), ("keep_days", "0"), ("keep_days", ""),
    ("keep_days", "soon"), ("embed_origins", "example.org"),
    ("embed_origins", "\n".join(f"https://a{n}.example" for n in range(21))),
])
def test_bad_input_is_said_beside_its_field(trainer: User, assistant: Assistant, field: str, value: Any) -> None:
    assert set(filled(trainer, assistant, **{field: value}).errors) == {field}


@pytest.mark.parametrize("date", ["", "2020-01-01", "tomorrow", "2020-02-31"])
def test_a_date_must_be_there_and_to_come(trainer: User, assistant: Assistant, date: str) -> None:
    assert set(filled(trainer, assistant, valid="date", date=date).errors) == {"date"}


def test_a_link_to_change_starts_from_its_terms(trainer: User, assistant: Assistant, link_to: LinkTo) -> None:
    link = link_to(password="open sesame", expires=timezone.now() + timedelta(days=3), total_limit=9, languages=("en",))
    form = filled(trainer, assistant, link, valid="keep", total_limit=9, languages=["en"])
    assert form.is_valid(), form.errors
    assert form.terms.expires == link.expires and form.terms.languages == ("en",) and form.new_password is None
    form = filled(trainer, assistant, link, no_password="on")
    assert form.is_valid() and form.new_password == ""


def test_a_new_password_and_none_contradict_each_other(trainer: User, assistant: Assistant, link_to: LinkTo) -> None:
    form = filled(trainer, assistant, link_to(password="open sesame"), no_password="on", password="another one")
    assert set(form.errors) == {"no_password"}


@pytest.mark.parametrize(("typed", "origin"), [
    ("https://www.example.org", "https://www.example.org"),
    ("HTTPS://Example.org:443/a/page?x=1#y", "https://example.org"),
    ("http://localhost:8000/", "http://localhost:8000"), ("https://bücher.example", "https://xn--bcher-kva.example"),
    ("http://[::1]:8000", "http://[::1]:8000"), ("http://192.0.2.1", "http://192.0.2.1"),
])
def test_an_address_is_cut_to_its_origin(typed: str, origin: str) -> None:
    assert origin_of(typed) == origin


@pytest.mark.parametrize("typed", [
    "", "*", "https://*", "https://*.example.org", "'self'", "javascript:alert(1)", "data:text/html,x", "//example.org",
    "https://a.example; script-src *", "https://a.example, https://b.example", "https://user@example.org", "https://",
    "https://a b.example", "https://example.org:99999", "https://example.org:x", "https://a..example", "http://[::1",
    "https://a.example\u2028x",
])
def test_nothing_else_gets_into_the_policy(typed: str) -> None:
    with pytest.raises(ValidationError):
        origin_of(typed)
