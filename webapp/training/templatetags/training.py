"""Numbers and names for people."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.translation import gettext

from modeling.errors import ParleyError
from modeling.tasks import TASKS
from webapp.wording import duration
from webapp.wording import said as said_in_words

register = template.Library()
register.filter("duration", duration)


@register.filter
def count(value: Any) -> str:
    """12,000."""
    return f"{value:,}" if isinstance(value, int) else str(value)


@register.filter
def percent(value: Any) -> str:
    """94 %, 0.12 %; a dash where there is no number."""
    if not isinstance(value, int | float):
        return "–"
    return f"{100 * value:.2g} %" if 0 < value < 0.01 else f"{100 * value:.0f} %"


@register.filter
def some_have(rows: list[dict[str, Any]], field: str) -> bool:
    """Whether a column would show anything."""
    return any(row.get(field) not in (None, "") for row in rows)


@register.filter
def dotted(value: float) -> str:
    """A number as HTML wants it, whatever the language."""
    return f"{value:.4f}"


@register.filter
def task(name: str) -> str:
    """A task's title in the reader's language."""
    return gettext(TASKS[name].title) if name in TASKS else name


@register.filter
def said(error: ParleyError) -> str:
    """An error in the reader's language."""
    return said_in_words(error)
