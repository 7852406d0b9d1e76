"""Forms of accounts."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from webapp.accounts import throttle


class SignInForm(AuthenticationForm):
    """Name and password. After too many failures it waits, without looking at the password."""

    def clean(self) -> dict[str, Any]:
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        name = self.cleaned_data.get("username", "")
        if throttle.blocked(address=address, name=name):
            raise ValidationError(_("Too many attempts. Please wait a quarter of an hour and try again."), "throttled")
        try:
            cleaned: dict[str, Any] = super().clean()
        except ValidationError:
            throttle.failed(address=address, name=name)
            raise
        throttle.succeeded(address=address, name=name)
        return cleaned
