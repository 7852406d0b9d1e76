"""What came of a link, in figures. What visitors wrote is not among them.

Conversations belong to the chat, an app above this one; they are reached by the names of the relations alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

from django.db.models import Count, Q
from django.db.models.functions import TruncDate
from django.utils import timezone

from webapp.sharing.models import ShareLink

DAYS = 14  # that the chart shows
ANSWERS = 2000  # newest ones that the median is taken of


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """`visitors`, `questions` and `tokens` are counted for good, the rest is of the conversations still kept."""

    visitors: int
    questions: int
    tokens: int
    good: int  # thumbs up
    bad: int
    median_seconds: float | None  # from a question to the end of its answer
    days: list[tuple[date, int]]  # questions of the last days, oldest first, from the first with one on


def use_of(link: ShareLink) -> Use:
    """As of now."""
    mine = ShareLink.objects.filter(pk=link.pk)
    rated = "conversations__messages__feedback"
    thumbs = mine.aggregate(good=Count(rated, filter=Q(**{f"{rated}__good": True})),
                            bad=Count(rated, filter=Q(**{f"{rated}__good": False})))
    answered = mine.filter(conversations__messages__role="assistant", conversations__messages__state="done")
    seconds = [value for value in answered.order_by("-conversations__messages__id").values_list(
        "conversations__messages__seconds", flat=True)[:ANSWERS] if value is not None]
    return Use(
        visitors=link.visitors.count(), questions=link.requests, tokens=link.tokens, **thumbs,
        median_seconds=median(seconds) if seconds else None, days=_days(link),
    )


def _days(link: ShareLink) -> list[tuple[date, int]]:
    today, day = timezone.now().date(), TruncDate("conversations__messages__created")
    asked = ShareLink.objects.filter(
        pk=link.pk, conversations__messages__role="user",
        conversations__messages__created__date__gt=today - timedelta(days=DAYS))
    counts = dict(asked.order_by().values_list(day).annotate(asked=Count("conversations__messages")))
    first = min(counts, default=None)
    span = range((today - first).days, -1, -1) if first else range(0)
    return [(on, counts.get(on, 0)) for on in (today - timedelta(days=back) for back in span)]
