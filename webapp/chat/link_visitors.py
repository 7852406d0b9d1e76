"""Who is asking at a share link: by the session of its own page, or by the ticket of a page in a frame.

A session is worth a different name at each link, and that name is worth nothing anywhere else.
"""

from __future__ import annotations

import secrets
from importlib import import_module
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from webapp.chat.models import Visitor
from webapp.chat.visitors import KEY, visitor_of
from webapp.sharing.entries import entered, fingerprint, key_of_ticket
from webapp.sharing.models import ShareLink

ENTRIES, MOST_ENTRIES = "links", 50  # in the session: fingerprints of the passwords given, by link
TICKET_HEADER = "X-Parley-Ticket"


def may_enter(request: HttpRequest, link: ShareLink) -> bool:
    """Whether this session has given the link's password, where there is one."""
    return entered(link, request.session.get(ENTRIES, {}).get(str(link.pk)))


def enter(request: HttpRequest, link: ShareLink) -> None:
    """Remember that the password was right."""
    kept = request.session.get(ENTRIES, {}) | {str(link.pk): fingerprint(link)}
    request.session[ENTRIES] = dict(list(kept.items())[-MOST_ENTRIES:])


def at_page(request: HttpRequest, link: ShareLink) -> Visitor:
    """The visitor of the link's own page. Names the session on the first visit."""
    return _visitor(link, visitor_of(request).token)


def at_fragment(request: HttpRequest, link: ShareLink) -> Visitor | None:
    """The visitor that a page fetches a fragment for; None when it may not."""
    if ticket := request.headers.get(TICKET_HEADER):
        return _by_ticket(link, ticket)
    return at_page(request, link) if may_enter(request, link) else None


def at_socket(link: ShareLink, session_key: str | None, ticket: str) -> Visitor | None:
    """The visitor of a socket, read afresh; None when it may not, or not any more."""
    if ticket:
        return _by_ticket(link, ticket)
    session: Any = import_module(settings.SESSION_ENGINE).SessionStore(session_key) if session_key else {}
    token = session.get(KEY)
    known = token and entered(link, session.get(ENTRIES, {}).get(str(link.pk)))
    return _visitor(link, token) if known else None


def new_key() -> str:
    """The name of somebody in a frame, who has none yet."""
    return secrets.token_hex(32)


def _by_ticket(link: ShareLink, ticket: str) -> Visitor | None:
    key = key_of_ticket(link, ticket)
    return Visitor(token=key, link_id=link.pk) if key else None


def _visitor(link: ShareLink, token: str) -> Visitor:
    name = salted_hmac("webapp.chat.link_visitors", f"{link.pk}:{token}", algorithm="sha256").hexdigest()
    return Visitor(token=name, link_id=link.pk)
