"""Forms of accounts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, UserCreationForm
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.forms import UserChangeForm

from webapp.accounts import services, throttle
from webapp.accounts.models import Invitation, Role, User

SCOPE = "signin"
VALID_FOR = timedelta(days=7)


class SignInForm(AuthenticationForm):
    """Name and password. After too many failures it waits, without looking at the password."""

    def clean(self) -> dict[str, Any]:
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        who = {"scope": SCOPE, "address": address, "name": self.cleaned_data.get("username", "")}
        if not throttle.attempt(**who):
            raise ValidationError(_("Too many attempts. Please wait a quarter of an hour and try again."), "throttled")
        cleaned: dict[str, Any] = super().clean()
        throttle.succeeded(**who)
        return cleaned


class JoinForm(UserCreationForm):
    """The name and the password that an invited person chooses."""

    class Meta:
        model, fields = User, ("username",)


class InvitationForm(forms.ModelForm):
    """What an admin says of an invitation."""

    class Meta:
        model, fields = Invitation, ("note", "role", "expires")

    def clean_expires(self) -> Any:
        """A link that is born dead helps nobody."""
        expires = self.cleaned_data["expires"]
        if expires <= timezone.now():
            raise ValidationError(_("This moment is over. Choose one that is to come."), "past")
        return expires


class PersonForm(UserChangeForm):
    """A person's name, role, and whether they may sign in. The site keeps one admin at least."""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if services.is_last_admin(self.instance):
            text = _("This is the only admin who can sign in. Make somebody else an admin first.")
            if cleaned.get("role", Role.ADMIN) != Role.ADMIN:
                self.add_error("role", ValidationError(text, "last"))
            if not cleaned.get("is_active", True):
                self.add_error("is_active", ValidationError(text, "last"))
        return cleaned
