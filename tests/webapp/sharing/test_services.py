"""What a link grants, and when it grants nothing any more."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from modeling.errors import ParleyError, RequestError
from webapp.accounts.models import Role, User
from webapp.assistants.models import Assistant, Visibility
from webapp.sharing import services
from webapp.sharing.models import LinkState, LinkVisitor, ShareLink, shareable_by
from webapp.sharing.services import LinkClosedError, Terms, admit, link_of, token_of

LinkTo = Callable[..., ShareLink]
AT_ONCE = 50


def fate(act: Callable[[], Any]) -> str:
    """What became of it: "in", or why not."""
    try:
        act()
    except LinkClosedError as closed:
        return str(closed.state)
    except ParleyError:
        return "refused"
    return "in"


def all_at_once(act: Callable[[int], Any]) -> Counter[str]:
    """Fifty threads, each with a connection of its own, as fifty requests have."""

    def one(number: int) -> str:
        try:
            return fate(lambda: act(number))
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return Counter(pool.map(one, range(AT_ONCE)))


def test_the_token_has_256_bits_opens_its_link_and_is_stored_nowhere(link_to: LinkTo) -> None:
    link, other = link_to(), link_to()
    token = token_of(link)
    assert re.fullmatch(r"[\w-]{43}", token) and token != token_of(other)
    assert link_of(token).pk == link.pk
    stored = " ".join(str(value) for row in ShareLink.objects.values() for value in row.values())
    assert token not in stored


def test_the_database_alone_does_not_give_the_token_away(link_to: LinkTo, settings: Any) -> None:
    link = link_to()
    before = token_of(link)
    settings.SECRET_KEY = "another site's key"
    assert token_of(link) != before


@pytest.mark.parametrize("token", ["", "x", "ä" * 43, "../../admin", "\x00", "x" * 10_000])
def test_what_is_no_token_opens_nothing(db: None, token: str) -> None:
    assert fate(lambda: link_of(token)) == LinkState.REVOKED


def test_a_link_says_why_it_lets_nobody_in(link_to: LinkTo) -> None:
    paused, revoked = link_to(), link_to()
    expired = link_to(expires=timezone.now() - timedelta(seconds=1))
    services.pause(link=paused)
    services.revoke(link=revoked)
    found = [fate(lambda link=link: link_of(token_of(link))) for link in (paused, expired, revoked)]
    assert found == [LinkState.PAUSED, LinkState.EXPIRED, LinkState.REVOKED]
    services.resume(link=paused)
    assert fate(lambda: link_of(token_of(paused))) == "in"


def test_a_revoked_link_stays_revoked(link_to: LinkTo) -> None:
    link = link_to()
    services.revoke(link=link)
    for act in (services.pause, services.resume, services.revoke):
        with pytest.raises(RequestError):
            act(link=link)
    with pytest.raises(RequestError):
        services.change_link(link=link, terms=Terms())
    assert fate(lambda: link_of(token_of(link))) == LinkState.REVOKED


def test_a_link_lapses_with_the_rights_of_its_owner(link_to: LinkTo, trainer: User, assistant: Assistant) -> None:
    token = token_of(link_to())
    trainer.role = Role.MEMBER
    trainer.save()
    assert fate(lambda: link_of(token)) == LinkState.LAPSED
    trainer.role = Role.TRAINER
    trainer.save()
    assistant.owner = None
    assistant.save()
    assert fate(lambda: link_of(token)) == LinkState.LAPSED
    assistant.visibility = Visibility.SITE
    assistant.save()
    assert fate(lambda: link_of(token)) == "in"


def test_only_own_assistants_and_those_of_the_site_can_be_shared(trainer: User, assistant: Assistant) -> None:
    other = User.objects.create_user("otto", role=Role.TRAINER)
    made = {visibility: Assistant.objects.create(
        slug=str(visibility), name_en="X", task="generation", artifact="/x", owner=other, visibility=visibility)
        for visibility in Visibility}
    assert set(shareable_by(trainer)) == {assistant, made[Visibility.SITE]}
    with pytest.raises(RequestError):
        services.make_link(owner=trainer, assistant=made[Visibility.MEMBERS], terms=Terms())
    assert not shareable_by(User.objects.create_user("mia", role=Role.MEMBER)).exists()


def test_changes_keep_the_address_and_the_password_that_is_not_mentioned(link_to: LinkTo) -> None:
    link = link_to(password="open sesame")
    token, password = token_of(link), link.password
    services.change_link(link=link, terms=Terms(note="Friends", total_limit=5))
    found = link_of(token)
    assert (found.note, found.total_limit, found.password) == ("Friends", 5, password)
    services.change_link(link=found, terms=Terms(), password="")
    assert link_of(token).password == ""


def test_every_change_is_told_after_the_commit(link_to: LinkTo, transactional_db: None) -> None:
    link, heard = link_to(), []

    def hear(link_id: Any, **_: Any) -> None:
        heard.append(link_id)

    services.link_changed.connect(hear)
    with transaction.atomic():
        services.pause(link=link)
        assert heard == []
    assert heard == [link.pk]


def test_limits_hold_one_by_one(link_to: LinkTo) -> None:
    link = link_to(visitor_limit=2, total_limit=3)
    fates = [fate(lambda key=key: admit(link_id=link.pk, key=key)) for key in ("ann", "ann", "ann", "ben", "ben")]
    assert fates == ["in", "in", "refused", "in", "refused"]
    link.refresh_from_db()
    assert link.requests == 3 and sorted(LinkVisitor.objects.values_list("requests", flat=True)) == [1, 2]


def test_the_refusals_say_what_to_do(link_to: LinkTo) -> None:
    link = link_to(visitor_limit=1, total_limit=2)
    admit(link_id=link.pk, key="ann")
    with pytest.raises(RequestError, match="allows you 1 question, .* Ask the person who sent you the link"):
        admit(link_id=link.pk, key="ann")
    admit(link_id=link.pk, key="ben")
    with pytest.raises(RequestError, match="have been asked. Ask the person who sent you the link"):
        admit(link_id=link.pk, key="cleo")


def test_a_question_that_fails_after_it_was_let_in_is_not_counted(link_to: LinkTo) -> None:
    link = link_to(total_limit=1)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        admit(link_id=link.pk, key="ann")
        raise ZeroDivisionError
    assert fate(lambda: admit(link_id=link.pk, key="ann")) == "in"


def test_visitors_are_known_by_a_hash_only(link_to: LinkTo) -> None:
    admit(link_id=link_to().pk, key="the name of a session")
    assert re.fullmatch("[0-9a-f]{64}", LinkVisitor.objects.get().key)


def test_the_limit_in_all_holds_under_fifty_questions_at_once(transactional_db: None, link_to: LinkTo) -> None:
    link = link_to(total_limit=7)
    fates = all_at_once(lambda number: admit(link_id=link.pk, key=f"visitor {number}"))
    assert fates == {"in": 7, "refused": AT_ONCE - 7}
    link.refresh_from_db()
    assert link.requests == 7 == link.visitors.count()


def test_the_limit_of_a_visitor_holds_under_fifty_questions_at_once(transactional_db: None, link_to: LinkTo) -> None:
    link = link_to(visitor_limit=3)
    fates = all_at_once(lambda _number: admit(link_id=link.pk, key="one and the same"))
    assert fates == {"in": 3, "refused": AT_ONCE - 3}
    link.refresh_from_db()
    assert link.requests == 3 == link.visitors.get().requests


def test_a_closed_link_admits_no_question(link_to: LinkTo) -> None:
    link = link_to()
    services.pause(link=link)
    assert fate(lambda: admit(link_id=link.pk, key="ann")) == LinkState.PAUSED
    services.revoke(link=link)
    assert fate(lambda: admit(link_id=link.pk, key="ann")) == LinkState.REVOKED
    ShareLink.objects.all().delete()
    assert fate(lambda: admit(link_id=link.pk, key="ann")) == LinkState.REVOKED


def test_tokens_add_up(link_to: LinkTo) -> None:
    link = link_to()
    for tokens in (12, 30):
        services.count_tokens(link_id=link.pk, tokens=tokens)
    link.refresh_from_db()
    assert link.tokens == 42
