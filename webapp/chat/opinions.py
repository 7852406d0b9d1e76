"""What visitors thought of assistants, version by version, as figures and pictures."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from webapp.assistants.models import Assistant
from webapp.charts import Series, bars, line_chart
from webapp.chat.models import Feedback

SHOWN = 6  # versions, those with the most thumbs first
POINTS = 5000  # thumbs that a curve is drawn from, the newest
VERSION = ("message__conversation__assistant__pk", "message__version__number")


def table(feedback: QuerySet[Feedback]) -> SafeString:
    """The share of good answers by assistant and version."""
    rows = _versions(feedback)
    return bars((name, row["good"] / row["all"], _("%(good)s of %(all)s good") % row)
                for name, row in zip(_names(rows), rows, strict=True))


def curve(feedback: QuerySet[Feedback]) -> SafeString | None:
    """How that share came about over time; None where one day has seen it all."""
    now, rows = timezone.now(), _versions(feedback)
    wanted = dict(zip(map(_key, rows), _names(rows), strict=True))
    points: dict[Any, list[tuple[float, float]]] = defaultdict(list)
    good: dict[Any, list[bool]] = defaultdict(list)
    newest = list(feedback.order_by("-created").values("good", "created", *VERSION)[:POINTS])
    for row in reversed(newest):
        if (key := _key(row)) in wanted:
            good[key].append(row["good"])
            share = 100 * sum(good[key]) / len(good[key])
            points[key].append(((row["created"] - now).total_seconds() / 86400, share))
    days = {int(day) for run in points.values() for day, _share in run}
    if len(days) < 2:
        return None
    return line_chart([Series(wanted[key], points[key]) for key in wanted], x_label=_("days; 0 is today"),
                      y_label=_("% good"))


def _versions(feedback: QuerySet[Feedback]) -> list[dict[str, Any]]:
    rows = feedback.order_by().values(*VERSION).annotate(all=Count("pk"), good=Count("pk", filter=Q(good=True)))
    return list(rows.order_by("-all", *VERSION)[:SHOWN])


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in VERSION)


def _names(rows: list[dict[str, Any]]) -> list[str]:
    """What each row is about, in the reader's language."""
    assistant, number = VERSION
    found = Assistant.objects.in_bulk([row[assistant] for row in rows])
    return [_("%(name)s, version %(number)s") % {"name": found[row[assistant]].name, "number": row[number]}
            if row[number] else found[row[assistant]].name for row in rows]
