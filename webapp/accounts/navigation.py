"""Which entries of the admin's sidebar a person sees."""

from __future__ import annotations

from django.http import HttpRequest

from webapp.accounts.rights import is_admin


def for_admins(request: HttpRequest) -> bool:
    """Entries about people and about the whole site."""
    return is_admin(request.user)
