"""Who may do what: the one place that decides. Apps ask these functions, or build their querysets on `owned_by`."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from webapp.accounts.models import Role

ADMIN, TRAINER = str(Role.ADMIN), str(Role.TRAINER)


def is_admin(user: Any) -> bool:
    """May see and change everything, invite people and set roles."""
    return _role(user) == ADMIN


def may_train(user: Any) -> bool:
    """May upload datasets, train, publish assistants and share links: admins and trainers."""
    return _role(user) in (ADMIN, TRAINER)


def is_member(user: Any) -> bool:
    """Has an account of any role."""
    return _role(user) is not None


def owned_by(user: Any, field: str = "owner") -> Q:
    """The rows of a table that this user may see and change: an admin all, a trainer the own ones, others none.

    `field` is the path to the owner, such as "dataset__owner".
    """
    if is_admin(user):
        return ~Q(pk__in=[])  # not Q(), which an `|` would leave out
    if may_train(user):
        return Q(**{field: user.pk})
    return Q(pk__in=[])


def _role(user: Any) -> str | None:
    """The role of an active account. A superuser is always an admin."""
    if not getattr(user, "is_authenticated", False) or not user.is_active:
        return None
    return ADMIN if user.is_superuser else str(user.role)
