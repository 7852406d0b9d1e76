"""The user and the invitation."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a person may do; `rights.py` says what each means."""

    ADMIN = "admin", _("Admin")
    TRAINER = "trainer", _("Trainer")
    MEMBER = "member", _("Member")


class User(AbstractUser):
    """A person with an account. Our own class from the first migration on, so that it can grow.

    The role decides; Django's flags follow it: admins are superusers, admins and trainers may enter the admin.
    """

    role = models.CharField(_("role"), max_length=10, choices=Role, default=Role.MEMBER)
    session_salt = models.CharField(max_length=16, blank=True, editable=False)  # a new one ends all sessions

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Django's, which a new password changes, and a new salt too."""
        key, value = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash", self.password
        return str(salted_hmac(key, value + self.session_salt, secret=secret, algorithm="sha256").hexdigest())

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep role and flags together; `create_superuser` makes an admin."""
        superuser = bool(getattr(self, "is_superuser", False))
        if self._state.adding and superuser:
            self.role = Role.ADMIN
        self.is_superuser = self.role == Role.ADMIN
        self.is_staff = self.role in (Role.ADMIN, Role.TRAINER)
        if (fields := kwargs.get("update_fields")) is not None and "role" in fields:
            kwargs["update_fields"] = {*fields, "is_superuser", "is_staff"}
        super().save(*args, **kwargs)


class InvitationState(models.TextChoices):
    """What became of an invitation."""

    OPEN = "open", _("not used yet")
    USED = "used", _("accepted")
    EXPIRED = "expired", _("has run out")
    REVOKED = "revoked", _("taken back")


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Reads of invitations."""

    def open(self) -> InvitationQuerySet:
        """Those whose link works now."""
        return self.filter(used=None, revoked=None, expires__gt=timezone.now())


class Invitation(models.Model):
    """A link with which one person makes an account. The link's token is stored hashed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    role = models.CharField(_("role"), max_length=10, choices=Role, default=Role.MEMBER)
    note = models.CharField(_("for whom"), max_length=120, blank=True)
    created_by = models.ForeignKey(User, models.CASCADE, related_name="invitations", verbose_name=_("invited by"))
    created = models.DateTimeField(_("created"), default=timezone.now)
    expires = models.DateTimeField(_("valid until"))
    used_by = models.OneToOneField(User, models.SET_NULL, null=True, blank=True, related_name="+",
                                   verbose_name=_("used by"))
    used = models.DateTimeField(_("used"), null=True, blank=True)
    revoked = models.DateTimeField(_("taken back"), null=True, blank=True, editable=False)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ("-created",)
        verbose_name, verbose_name_plural = _("invitation"), _("invitations")

    def __str__(self) -> str:
        return self.note or f"{self.get_role_display()} {str(self.id)[:8]}"

    @property
    def state(self) -> InvitationState:
        """As of now."""
        if self.used is not None:
            return InvitationState("used")
        if self.revoked is not None:
            return InvitationState("revoked")
        return InvitationState("open" if self.expires > timezone.now() else "expired")
