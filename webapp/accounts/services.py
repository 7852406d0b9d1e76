"""Writes to accounts."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from webapp.accounts.models import User

ADMIN = "admin"


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
