"""The form of a link's terms. What is wrong is said beside its field."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from webapp.addresses import bracketed
from webapp.assistants.models import Assistant
from webapp.sharing.models import ShareLink, shareable_by
from webapp.sharing.services import Terms

HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|[0-9a-f:]+")
ORIGINS, MOST, DAYS = 20, 1_000_000, 3650  # sites that may frame a link, questions, days: at most
DAY, WEEK, MONTH, DATE, NEVER, KEEP = "day", "week", "month", "date", "never", "keep"
SPANS = {DAY: timedelta(days=1), WEEK: timedelta(days=7), MONTH: timedelta(days=30)}
VALID = [(DAY, _("one day")), (WEEK, _("one week")), (MONTH, _("one month")), (DATE, _("until a date")),
         (NEVER, _("until it is revoked"))]
PASSWORD = 6  # characters at least


def origin_of(line: str) -> str:
    """The full origin (scheme, host, port) of an address that somebody typed. Raises ValidationError."""
    try:
        parts, fault = urlsplit(line.lower()), False
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except (ValueError, UnicodeError):
        fault = True
    if fault or parts.scheme not in ("http", "https") or not HOST.fullmatch(host) or "@" in parts.netloc:
        raise ValidationError(_("“%(line)s” is no address of a site. Write it like https://www.example.org."), "origin",
                              {"line": line[:80]})
    usual = port in (None, {"http": 80, "https": 443}[parts.scheme])
    return f"{parts.scheme}://{bracketed(host)}" + ("" if usual else f":{port}")


class LinkForm(forms.Form):
    """Everything that a link grants. `link` is the one to change; without it, a new one is made."""

    assistant = forms.ModelChoiceField(Assistant.objects.none(), label=_("Assistant"))
    note = forms.CharField(label=_("For whom"), max_length=120, required=False, help_text=_(
        "For your own list; visitors do not see it."))
    valid = forms.ChoiceField(label=_("Valid for"), choices=VALID, initial=MONTH)
    date = forms.DateField(label=_("Last day"), required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))
    password = forms.CharField(
        label=_("Password"), min_length=PASSWORD, max_length=128, required=False, strip=False,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("Leave it empty to let everyone in who has the link."))
    no_password = forms.BooleanField(label=_("Ask for no password any more"), required=False)
    visitor_limit = forms.IntegerField(
        label=_("Questions per visitor"), min_value=1, max_value=MOST, required=False,
        help_text=_("A visitor is a browser. Empty means no limit."))
    total_limit = forms.IntegerField(
        label=_("Questions in all"), min_value=1, max_value=MOST, required=False, help_text=_("Empty means no limit."))
    languages = forms.MultipleChoiceField(
        label=_("Languages of the page"), choices=settings.LANGUAGES, widget=forms.CheckboxSelectMultiple,
        initial=[code for code, _name in settings.LANGUAGES],
        error_messages={"required": _("Choose at least one language.")})
    embed_origins = forms.CharField(
        label=_("Sites that may embed it"), required=False,
        widget=forms.Textarea({"rows": 3, "placeholder": "https://www.example.org", "spellcheck": "false"}),
        help_text=_("One address a line. Only pages of these sites can show the chat in a frame."))
    keep_days = forms.IntegerField(
        label=_("Days that conversations are kept"), min_value=1, max_value=DAYS, initial=30,
        help_text=_("Counted from the last message; after that they are deleted. Visitors read this on the page."))

    def __init__(self, *args: Any, user: Any, link: ShareLink | None = None, **kwargs: Any) -> None:
        """`user` chooses among the assistants that he may share."""
        self.link = link
        super().__init__(*args, **({"initial": _initial(link)} if link else {}) | kwargs)
        if link is None:
            self.fields["assistant"].queryset = shareable_by(user)
        else:
            del self.fields["assistant"]
            self.fields["valid"].choices = [(KEEP, _as_it_is(link)), *VALID]
        if link is None or not link.password:
            del self.fields["no_password"]
        else:
            self.fields["password"].help_text = _(
                "There is one; it is not shown. A new one ends the visits of those who came in by the old one.")

    def clean_embed_origins(self) -> tuple[str, ...]:
        """Full origins, each once."""
        lines = [line.strip() for line in self.cleaned_data["embed_origins"].splitlines() if line.strip()]
        if len(lines) > ORIGINS:
            raise ValidationError(ngettext("At most %(n)s site is allowed.", "At most %(n)s sites are allowed.",
                                           ORIGINS) % {"n": ORIGINS})
        return tuple(dict.fromkeys(origin_of(line) for line in lines))

    def clean(self) -> dict[str, Any]:
        """The date belongs to the choice of a date; a new password and none at all contradict each other."""
        cleaned: dict[str, Any] = super().clean()
        if cleaned.get("valid") == DATE and "date" not in self.errors:
            if cleaned.get("date") is None:
                self.add_error("date", _("Choose the last day."))
            elif cleaned["date"] > timezone.now().date() + timedelta(days=DAYS):
                self.add_error("date", _("This day is more than ten years away. Choose an earlier one, or no date."))
            elif _end_of(cleaned["date"]) <= timezone.now():
                self.add_error("date", _("This day is over. Choose a later one."))
        if cleaned.get("no_password") and cleaned.get("password"):
            self.add_error("no_password", _("Either a new password or none."))
        return cleaned

    @property
    def terms(self) -> Terms:
        """As the form says, once it is valid."""
        data = self.cleaned_data
        everything = len(data["languages"]) == len(settings.LANGUAGES)
        return Terms(
            note=data["note"], expires=self._expires(), visitor_limit=data["visitor_limit"],
            total_limit=data["total_limit"], languages=() if everything else tuple(data["languages"]),
            embed_origins=data["embed_origins"], keep_days=data["keep_days"],
        )

    @property
    def new_password(self) -> str | None:
        """What `change_link` takes: None keeps the old one."""
        return "" if self.cleaned_data.get("no_password") else self.cleaned_data["password"] or None

    def _expires(self) -> datetime | None:
        match self.cleaned_data["valid"]:
            case "never":
                return None
            case "keep":
                return self.link.expires if self.link else None
            case "date":
                return _end_of(self.cleaned_data["date"])
            case span:
                return timezone.now() + SPANS[span]


def _end_of(day: Any) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def _as_it_is(link: ShareLink) -> str:
    if link.expires is None:
        return gettext("as it is: until it is revoked")
    return gettext("as it is: until %(date)s") % {"date": date_format(link.expires, "DATETIME_FORMAT")}


def _initial(link: ShareLink) -> dict[str, Any]:
    return {
        "note": link.note, "valid": KEEP, "visitor_limit": link.visitor_limit, "total_limit": link.total_limit,
        "languages": link.languages or [code for code, _name in settings.LANGUAGES],
        "embed_origins": "\n".join(link.embed_origins), "keep_days": link.keep_days,
    }
