"""Coming in: the password of a link, and the ticket of a page that may keep no cookie."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.hashers import check_password as matches
from django.core import signing
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from modeling.errors import RequestError
from webapp.accounts import throttle
from webapp.sharing.models import ShareLink

TICKET_SECONDS = 12 * 3600
ENTRY_SALT, TICKET_SALT = "webapp.sharing.entry", "webapp.sharing.ticket"


def fingerprint(link: ShareLink) -> str:
    """Stands for the password that somebody came in by, without telling it; another password has another one."""
    return salted_hmac(ENTRY_SALT, link.password, algorithm="sha256").hexdigest()[:32] if link.password else ""


def entered(link: ShareLink, shown: object) -> bool:
    """Whether a fingerprint that was handed out still opens this link."""
    return not link.password or (isinstance(shown, str) and constant_time_compare(shown, fingerprint(link)))


def check_password(*, link: ShareLink, password: str, address: str) -> None:
    """Raises RequestError when it is wrong, or when too many were; each try is counted before it is looked at."""
    who = {"scope": "link", "address": address, "name": str(link.pk)}
    if not throttle.attempt(**who):
        raise RequestError(_("Too many wrong passwords"), remedy=_("Wait a quarter of an hour and try again"))
    if not matches(password, link.password):
        raise RequestError(_("This is not the password"), remedy=_("Try again, or ask the person who sent the link"))
    throttle.succeeded(**who)


def ticket_for(link: ShareLink, key: str) -> str:
    """Lets a page that keeps no cookie act as the visitor `key`, for some hours."""
    return signing.dumps([str(link.pk), key, fingerprint(link)], salt=TICKET_SALT)


def key_of_ticket(link: ShareLink, ticket: str) -> str | None:
    """The visitor of a ticket; None for a forged one, an old one, one of another link or of an older password."""
    try:
        found: Any = signing.loads(ticket, salt=TICKET_SALT, max_age=TICKET_SECONDS)
    except signing.BadSignature:
        return None
    link_id, key, shown = found
    return str(key) if link_id == str(link.pk) and entered(link, shown) else None
