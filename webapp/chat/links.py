"""Pages of share links: the chat with one assistant, alone or in another page's frame, and nothing else.

They carry no sidebar, no picker and no account. What a closed link says, and how its password is asked, is here too.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from csp.constants import NONE
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_http_methods

from modeling.errors import RequestError
from webapp.chat import link_visitors, presentation, services, views
from webapp.chat.models import Conversation
from webapp.chat.rooms import generation_in
from webapp.chat.visitors import stay
from webapp.sharing.entries import check_password, ticket_for
from webapp.sharing.models import LinkState, ShareLink
from webapp.sharing.services import find_link
from webapp.wording import said

View = Callable[..., HttpResponse]
STATUS = {LinkState.PAUSED: HTTPStatus.FORBIDDEN, LinkState.EXPIRED: HTTPStatus.GONE}  # the others: not found


def linked(*, framed: bool = False) -> Callable[[View], View]:
    """Gives a view the open link of the token in its path, in one of the link's languages; else says why not.

    What is `framed` may stand in frames of the sites that the link's owner named.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapped(request: HttpRequest, token: str, **kwargs: Any) -> HttpResponse:
            link = find_link(token)
            state = LinkState.REVOKED if link is None else link.state
            with translation.override(_language(request, link)):
                if link is None or state != LinkState.OPEN:
                    response = _closed(request, state)
                else:
                    response = view(request, link, token, **kwargs)
            return _private(response, framed_by=link.embed_origins if framed and link is not None else [])

        return never_cache(wrapped)

    return decorate


def _language(request: HttpRequest, link: ShareLink | None) -> str:
    """What the reader asks for in the address or by the browser, where the link allows it."""
    allowed = _languages(link)
    wanted = (request.GET.get("language"), translation.get_language())
    return next((code for code in wanted if code in allowed), allowed[0])


def _languages(link: ShareLink | None) -> list[str]:
    return (link.languages if link is not None else None) or [code for code, _name in settings.LANGUAGES]


def _closed(request: HttpRequest, state: LinkState) -> HttpResponse:
    status = STATUS.get(state, HTTPStatus.NOT_FOUND)
    return _shown(request, "sharing/closed.html", {"reason": state}, status=status)


def _private(response: HttpResponse, *, framed_by: list[str]) -> HttpResponse:
    """The address is a key: no robot lists it, no other site is told it, and none may frame it but those named."""
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Referrer-Policy"] = "same-origin"
    response._csp_replace = {"frame-ancestors": framed_by or [NONE]}
    response.xframe_options_exempt = bool(framed_by)  # it knows no list of sites
    return response


@ensure_csrf_cookie
@require_http_methods(["GET", "HEAD", "POST"])
@linked()
def new(request: HttpRequest, link: ShareLink, token: str) -> HttpResponse:
    """The link's front page, or its password."""
    if not link_visitors.may_enter(request, link):
        return _asked(request, link)
    link_visitors.at_page(request, link)
    fresh = Conversation(id=uuid.uuid4(), assistant=link.assistant)
    return _page(request, link, token, fresh)


@ensure_csrf_cookie
@require_http_methods(["GET", "HEAD", "POST"])
@linked()
def conversation(request: HttpRequest, link: ShareLink, token: str, conversation_id: uuid.UUID) -> HttpResponse:
    """A conversation over this link; one that is being written is shown as far as it is."""
    if not link_visitors.may_enter(request, link):
        return _asked(request, link)
    try:
        found = services.visible_conversation(
            visitor=link_visitors.at_page(request, link), conversation_id=conversation_id)
    except services.NotVisibleError:
        return _shown(request, "sharing/elsewhere.html", {"home": reverse("link", args=[token])}, status=404)
    stay(request)
    return _page(request, link, token, found)


@csrf_exempt  # no cookie speaks for anybody here; the password comes from our own page, which its Origin says
@require_http_methods(["GET", "HEAD", "POST"])
@linked(framed=True)
def embed(request: HttpRequest, link: ShareLink, token: str) -> HttpResponse:
    """The chat for another page's frame. Browsers keep no cookies there, so a ticket in the page says who is asking."""
    fault = ""
    if request.method == "POST" and request.headers.get("Origin") not in settings.ORIGINS:
        return HttpResponseForbidden("From this site's own page only.", content_type="text/plain")
    if link.password and (request.method != "POST" or (fault := _fault(request, link))):
        return _shown(request, "sharing/password.html", {"link": link, "fault": fault, "embedded": True})
    ticket = ticket_for(link, link_visitors.new_key())
    fresh = Conversation(id=uuid.uuid4(), assistant=link.assistant)
    return _page(request, link, token, fresh, ticket=ticket, home=reverse("link-embed", args=[token]))


@require_GET
@linked()
def inside(request: HttpRequest, link: ShareLink, token: str, message_id: int) -> HttpResponse:
    """How an answer came about."""
    visitor = link_visitors.at_fragment(request, link)
    return views.refusing(views.inside_for)(request, visitor, message_id) if visitor else _closed(
        request, LinkState.REVOKED)


def _asked(request: HttpRequest, link: ShareLink) -> HttpResponse:
    """The password page; with the right password, the page that was wanted."""
    fault = _fault(request, link) if request.method == "POST" else ""
    if request.method != "POST" or fault:
        return _shown(request, "sharing/password.html", {"link": link, "fault": fault})
    link_visitors.enter(request, link)
    return redirect(request.path)


def _fault(request: HttpRequest, link: ShareLink) -> str:
    """What is wrong with the password that was sent; "" for the right one."""
    try:
        check_password(link=link, password=request.POST.get("password", ""), address=request.META["REMOTE_ADDR"])
    except RequestError as error:
        return said(error)
    return ""


def _page(request: HttpRequest, link: ShareLink, token: str, current: Conversation, *, ticket: str = "",
          home: str = "") -> HttpResponse:
    saved = not current._state.adding
    live = generation_in(current.pk) if saved else None
    language = translation.get_language()
    query = {"language": language} | ({"ticket": ticket} if ticket else {})
    thread = presentation.thread(current, live) if saved else []
    return _shown(request, "sharing/page.html", views.contents(current, thread) | {
        "link": link, "current": current, "ticket": ticket, "prefix": f"/s/{token}",
        "home": home or reverse("link", args=[token]), "language": language,
        "socket": f"/ws/s/{token}/{current.pk}/?{urlencode(query)}",
        "others": [code for code in _languages(link) if code != language],
    })


def _shown(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """In the theme chosen on the page before, or by the site that frames it."""
    theme = request.GET.get("theme") or request.COOKIES.get("parley_theme", "")
    return render(request, template, context | {"theme": theme if theme in views.THEMES else ""}, status=status)
