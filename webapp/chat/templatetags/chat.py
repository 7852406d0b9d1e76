"""Small things that the chat's templates say often."""

from __future__ import annotations

from django import template
from django.utils.formats import localize
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _

from webapp.wording import spoken

register = template.Library()

LANGUAGES = {"en": gettext_noop("English"), "fr": gettext_noop("French"), "zh": gettext_noop("Chinese"),
             "de": gettext_noop("German"), "es": gettext_noop("Spanish"), "it": gettext_noop("Italian"),
             "ja": gettext_noop("Japanese"), "ru": gettext_noop("Russian")}


@register.simple_tag
def icon(name: str) -> SafeString:
    """A picture from the page's sprite; decoration only."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="#i-{}"/></svg>', name)


@register.filter
def percent(value: float) -> str:
    """94.1 % as people write it in the reader's language."""
    number = localize(round(value * 100, 1))
    return f"{number}%" if (get_language() or "").startswith("zh") else f"{number}\u202f%"


@register.filter
def share(value: float) -> str:
    """A share of 0 to 1 as a length of a bar, for attributes: never in the reader's own way of writing numbers."""
    return f"{max(0.0, min(1.0, value)) * 100:.2f}%"


@register.filter
def language_name(code: str) -> str:
    """What the reader calls a language."""
    return _(LANGUAGES[code]) if code in LANGUAGES else code


@register.filter
def translated(text: str) -> str:
    """What was stored in English, in the reader's language where the catalogue knows it."""
    return spoken(text)


@register.filter
def decimals(value: float, count: int) -> str:
    """A figure with that many decimals."""
    return localize(f"{value:.{count}f}") if value is not None else ""


@register.filter
def unlocalized(value: float) -> str:
    """A number for an attribute."""
    return f"{value:g}"


@register.filter
def visible(text: str) -> str:
    """A token with its spaces and line breaks made visible."""
    return text.replace("\n", "↵").replace("\t", "⇥").replace(" ", "␣") or "∅"


@register.filter
def grouped(value: int) -> str:
    """A large number with its thousands set apart."""
    return f"{value:,}"
