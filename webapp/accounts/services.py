"""Writes to accounts."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import IntegrityError, transaction
from django.utils import timezone

from modeling.errors import ParleyError
from webapp.accounts.models import Invitation, Role, User

ADMIN = "admin"


class InvitationError(ParleyError):
    """The link is not one of ours, was used, taken back, or has run out."""


class NameTakenError(ParleyError):
    """Somebody else has just taken this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAdmin:
    """The account made at the first start."""

    name: str
    password: str | None  # as it was made; None once somebody has changed it


def ensure_admin(*, secret: Path) -> FirstAdmin:
    """The first admin, made with a random password when there is no superuser yet.

    `secret` keeps that password, readable by its owner only, so that each start can show it again. It is deleted as
    soon as it is no longer the password.
    """
    with transaction.atomic():
        user = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
        if user is None:
            return _create_admin(secret)
    password = secret.read_text().strip() if secret.exists() else ""
    if password and user.check_password(password):
        return FirstAdmin(name=user.username, password=password)
    secret.unlink(missing_ok=True)
    return FirstAdmin(name=user.username, password=None)


def _create_admin(secret: Path) -> FirstAdmin:
    password = secrets.token_urlsafe(12)
    taken = User.objects.filter(username=ADMIN).exists()
    name = f"{ADMIN}-{secrets.token_hex(2)}" if taken else ADMIN
    User.objects.create_superuser(username=name, password=password)
    secret.unlink(missing_ok=True)
    with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(password + "\n")
    return FirstAdmin(name=name, password=password)


def invite(*, by: User, role: str, expires: datetime, note: str = "") -> tuple[Invitation, str]:
    """An invitation and its link's token, which nobody can read again: only its hash is stored."""
    token = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        token_hash=_hashed(token), role=Role(role), note=note, expires=expires, created_by=by
    )
    return invitation, token


def renew(*, invitation: Invitation, expires: datetime) -> str:
    """A new link for an invitation that nobody has used; the old one ends. Raises InvitationError when it was used."""
    token = secrets.token_urlsafe(32)
    unused = Invitation.objects.filter(pk=invitation.pk, used=None)
    if not unused.update(token_hash=_hashed(token), expires=expires, revoked=None):
        raise InvitationError("This invitation was used", remedy="Make another one")
    return token


def revoke(*, invitation: Invitation) -> None:
    """End a link that nobody has used yet."""
    Invitation.objects.filter(pk=invitation.pk, used=None, revoked=None).update(revoked=timezone.now())


def invitation_of(token: str) -> Invitation:
    """The open invitation of a link. Raises InvitationError."""
    invitation = Invitation.objects.open().filter(token_hash=_hashed(token)).first()
    if invitation is None:
        raise InvitationError("This invitation is not valid", remedy="Ask for a new link")
    return invitation


def join(*, token: str, username: str, password: str) -> User:
    """Make the account of an invited person; the link is used up by it. Raises InvitationError, NameTakenError."""
    invitation = invitation_of(token)
    try:
        with transaction.atomic():
            if not Invitation.objects.open().filter(token_hash=_hashed(token)).update(used=timezone.now()):
                raise InvitationError("This invitation was used a moment ago", remedy="Ask for a new link")
            user = User.objects.create_user(username=username, password=password, role=invitation.role)
            Invitation.objects.filter(pk=invitation.pk).update(used_by=user)
    except IntegrityError:
        raise NameTakenError(f"The name {username!r} is taken", remedy="Choose another one") from None
    return user


def is_last_admin(user: User) -> bool:
    """Whether the site would have no admin without this one. Inside a transaction it stays true until its end."""
    admins = User.objects.filter(role=Role.ADMIN, is_active=True)
    if transaction.get_connection().in_atomic_block:
        admins = admins.select_for_update()
    return [admin.pk for admin in admins] == [user.pk]


@transaction.atomic
def close_account(*, user: User, heir: User) -> None:
    """Delete a person with their conversations. What they have built goes to `heir`: others may be using it.

    Raises ParleyError for the last admin and for one's own account.
    """
    if user.pk == heir.pk or is_last_admin(user):
        raise ParleyError("This account cannot be deleted", remedy="Another admin can delete it")
    for relation in User._meta.related_objects:
        if relation.field.name == "owner":
            relation.related_model._base_manager.filter(owner=user).update(owner=heir)
    Invitation.objects.filter(created_by=user).update(created_by=heir)
    user.delete()


def sign_out_elsewhere(*, user: User) -> None:
    """End every session of this person; the caller keeps its own by update_session_auth_hash."""
    user.session_salt = secrets.token_hex(8)
    user.save(update_fields=["session_salt"])


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
