"""Who is asking: from a page's request, or from a socket's session, by the same rules."""

from __future__ import annotations

import secrets
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from webapp.chat.models import Conversation, Visitor

PASSING = 7 * 24 * 3600  # seconds that the session of someone who only looked is kept; robots make many
KEY = "visitor"  # its key in the session. The session's own key changes at sign-in, this does not


def visitor_of(request: HttpRequest) -> Visitor:
    """The visitor of a page. Names the session on the first visit."""
    if KEY not in request.session:
        request.session[KEY] = secrets.token_hex(32)
        request.session.set_expiry(PASSING)
    return Visitor(token=request.session[KEY], user_id=request.user.pk if request.user.is_authenticated else None)


def stay(request: HttpRequest) -> None:
    """Keep the session of someone who has something to come back to for as long as the settings say."""
    if request.session.get_expiry_age() <= PASSING:
        request.session.set_expiry(None)


def visitor_of_session(session_key: str | None) -> Visitor | None:
    """The visitor of a socket, read afresh from the session; None when the session has ended or has no name yet."""
    if not session_key:
        return None
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    token = request.session.get(KEY, "")
    user = get_user(request)
    return Visitor(token=token, user_id=user.pk if user.is_authenticated else None) if token else None


@receiver(user_logged_in)
def adopt(sender: Any, request: HttpRequest | None, user: Any, **_: Any) -> None:
    """Signing in makes this session's conversations the user's own."""
    token = request.session.get(KEY) if request is not None and hasattr(request, "session") else None
    if token:
        stay(request)
        Conversation.objects.filter(owner=None, link=None, session=token).update(owner=user)
