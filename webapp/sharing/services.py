"""Writes to share links, and what decides whether a link lets somebody in. Every change is told by `link_changed`."""

from __future__ import annotations

import base64
import hashlib
import secrets
import uuid
from dataclasses import asdict, dataclass
from datetime import datetime

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import F, Q
from django.dispatch import Signal
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from modeling.errors import ParleyError, RequestError
from webapp.accounts.models import User
from webapp.assistants.models import Assistant
from webapp.sharing.models import LinkState, LinkVisitor, ShareLink, shareable_by

TOKEN_SALT = "webapp.sharing.token"  # noqa: S105 - names what the key is used for
link_changed = Signal()  # sent after the commit, with `link_id`: whoever holds sockets of this link looks again


class LinkClosedError(ParleyError):
    """The link lets nobody in. `state` says why; a link that is not there counts as revoked."""

    def __init__(self, state: LinkState) -> None:
        """`state` is any but OPEN."""
        self.state = state
        super().__init__(_("This link is closed"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a link grants. None and () set no limit."""

    note: str = ""  # for whom it is; the owner's own words
    expires: datetime | None = None
    visitor_limit: int | None = None  # questions of one visitor
    total_limit: int | None = None  # questions in all
    languages: tuple[str, ...] = ()  # of the page, codes of settings.LANGUAGES
    embed_origins: tuple[str, ...] = ()  # full origins whose pages may hold it in a frame
    keep_days: int = 30  # that conversations are kept after their last message


def token_of(link: ShareLink) -> str:
    """The 256-bit token of the link's address, computed afresh: the database alone does not give it away."""
    digest = salted_hmac(TOKEN_SALT, link.nonce, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def hashed(token: str) -> str:
    """What is stored of a token. Looking up by a hash tells a guesser nothing by its time."""
    return hashlib.sha256(token.encode()).hexdigest()


def find_link(token: str) -> ShareLink | None:
    """The link of a token in whatever state, with its assistant and its owner."""
    return ShareLink.objects.select_related("assistant", "owner").filter(token_hash=hashed(token)).first()


def link_of(token: str) -> ShareLink:
    """The open link of a token, with its assistant and its owner. Raises LinkClosedError."""
    link = find_link(token)
    if link is None or link.state != LinkState.OPEN:
        raise LinkClosedError(LinkState.REVOKED if link is None else link.state)
    return link


def make_link(*, owner: User, assistant: Assistant, terms: Terms, password: str = "") -> ShareLink:
    """A new link. Raises RequestError when its owner may not share this assistant."""
    if not shareable_by(owner).filter(pk=assistant.pk).exists():
        raise RequestError(_("You may not share this assistant"), remedy=_("Choose one of your own"))
    link = ShareLink(owner=owner, assistant=assistant, nonce=secrets.token_hex(32), **_columns(terms))
    link.token_hash = hashed(token_of(link))
    link.password = make_password(password) if password else ""
    link.save()
    return link


def change_link(*, link: ShareLink, terms: Terms, password: str | None = None) -> ShareLink:
    """Other terms under the same address. `password` None keeps the old one, "" asks for none any more.

    Whoever came in by another password has to give the new one. Raises RequestError for a revoked link.
    """
    columns = _columns(terms)
    if password is not None:
        columns["password"] = make_password(password) if password else ""
    _update(link, **columns)
    return link


def pause(*, link: ShareLink) -> None:
    """Let nobody in until further notice. Raises RequestError for a revoked link."""
    _update(link, paused=True)


def resume(*, link: ShareLink) -> None:
    """Let people in again. Raises RequestError for a revoked link."""
    _update(link, paused=False)


def revoke(*, link: ShareLink) -> None:
    """Close the link for good. Raises RequestError when it is closed for good already."""
    _update(link, revoked=timezone.now())


def admit(*, link_id: uuid.UUID, key: str) -> None:
    """Count a question of the visitor `key` against both limits, or raise: LinkClosedError, RequestError.

    Each count is one conditional UPDATE, so that any number of requests at once stay within the limits. The link's row
    comes first: whoever holds it is alone with the visitor's. Inside a transaction that fails, nothing is counted.
    """
    now = timezone.now()
    with transaction.atomic():
        still = Q(expires=None) | Q(expires__gt=now)
        room = Q(total_limit=None) | Q(requests__lt=F("total_limit"))
        open_links = ShareLink.objects.filter(still, room, pk=link_id, revoked=None, paused=False)
        if not open_links.update(requests=F("requests") + 1):
            raise _refusal(link_id)
        _admit_visitor(link_id, hashed(key), now)


def count_tokens(*, link_id: uuid.UUID, tokens: int) -> None:
    """Add what an answer took."""
    ShareLink.objects.filter(pk=link_id).update(tokens=F("tokens") + tokens)


def _columns(terms: Terms) -> dict[str, object]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(terms).items()}


def _update(link: ShareLink, **columns: object) -> None:
    if not ShareLink.objects.filter(pk=link.pk, revoked=None).update(**columns):
        raise RequestError(_("This link has been revoked, which is final"), remedy=_("Make a new link"))
    for name, value in columns.items():
        setattr(link, name, value)
    transaction.on_commit(lambda: link_changed.send(ShareLink, link_id=link.pk))


def _admit_visitor(link_id: uuid.UUID, key: str, now: datetime) -> None:
    limit = ShareLink.objects.values_list("visitor_limit", flat=True).get(pk=link_id)
    visitor, _made = LinkVisitor.objects.get_or_create(link_id=link_id, key=key)
    counted = LinkVisitor.objects.filter(pk=visitor.pk)
    if limit is not None:
        counted = counted.filter(requests__lt=limit)
    if not counted.update(requests=F("requests") + 1, last=now):
        raise RequestError(
            ngettext("This link allows you %(n)s question, and you have asked it",
                     "This link allows you %(n)s questions, and you have asked them", limit) % {"n": limit},
            remedy=_("Ask the person who sent you the link for more"),
        )


def _refusal(link_id: uuid.UUID) -> ParleyError:
    """Why a question was not let in."""
    link = ShareLink.objects.select_related("assistant", "owner").filter(pk=link_id).first()
    if link is None or link.state != LinkState.OPEN:
        return LinkClosedError(link.state if link is not None else LinkState.REVOKED)
    return RequestError(
        _("All the questions that this link allows have been asked"),
        remedy=_("Ask the person who sent you the link for more"),
    )
