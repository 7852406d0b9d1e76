"""Where a link leads: its address, its picture, and the line that puts it into another page."""

from __future__ import annotations

import io

import segno
from django.conf import settings
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from webapp.addresses import is_loopback, lan_addresses, site_url
from webapp.sharing.models import ShareLink
from webapp.sharing.services import hashed, token_of


def address_of(link: ShareLink) -> str | None:
    """The link's full address; None when the site's key has changed since, so that it can't be computed again."""
    token = token_of(link)
    return f"{_site()}/s/{token}/" if hashed(token) == link.token_hash else None


def snippet(link: ShareLink, address: str) -> str:
    """One line of HTML that shows the chat in a page of a site that the link allows."""
    return (f'<iframe src="{escape(address)}embed/" title="{escape(link.assistant.name)}" width="100%" height="600" '
            'style="border:0" loading="lazy" allow="clipboard-write"></iframe>')


def qr_code(address: str) -> SafeString:
    """The address as an inline SVG; black, since cameras want it on white in any theme."""
    picture = io.BytesIO()
    segno.make(address, error="m", micro=False).save(
        picture, kind="svg", xmldecl=False, svgns=False, omitsize=True, border=2, svgclass=None, lineclass=None)
    return mark_safe(picture.getvalue().decode())  # noqa: S308 - drawn by segno from an address that we made


def reachable_hint() -> list[str] | None:
    """None when others can reach the site's address; else addresses of this machine that they could reach."""
    return [site_url(address, settings.PORT, "") for address in lan_addresses()] if is_loopback(_site()) else None


def _site() -> str:
    return site_url(settings.HOST, settings.PORT, settings.PUBLIC_URL)
