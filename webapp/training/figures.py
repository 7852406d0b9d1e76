"""Figures in words: names, shares as per cent, intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from modeling.tasks import TASKS
from webapp.charts import number

NAMES: Mapping[str, Any] = {
    "accuracy": _("Accuracy"), "macro_f1": _("Macro-F1"), "f1": _("F1"), "em": _("Exact match"),
    "exact_span": _("Exact span"), "bleu": "BLEU", "chrf": "chrF", "rouge1": "ROUGE-1", "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L", "loss": _("Loss"), "perplexity": _("Perplexity"), "learning_rate": _("Learning rate"),
    "tokens_per_second": _("Tokens a second"), "answered": _("Answered, of those with an answer"),
    "refused": _("Refused, of those without"), "auc": "AUC", "overall_f1": _("F1 with refusals"),
    "recall_1": _("Found first"), "recall_5": _("Found among the first five"), "unknown": _("Words without a vector"),
    "samples": _("Texts tried"),
}
SHARES = frozenset({"accuracy", "macro_f1", "f1", "em", "rouge1", "rouge2", "rougeL", "answered", "refused",
                    "overall_f1", "recall_1",
                    "recall_5", "unknown"})


def name_of(figure: str) -> str:
    """What people call a figure, and after it what it belongs to: of directions/en-zh/bleu it is BLEU en-zh."""
    *path, last = figure.removeprefix("directions/").split("/")
    if path and last not in NAMES:  # f1/spam
        path, last = [last], path[0]
    name, _mark, rest = (last, "", "") if last in NAMES else last.partition("_")  # loss_en-zh
    return " ".join(filter(None, [str(NAMES.get(name, name)), rest, *path]))


def figure_text(figure: str, value: float, interval: Any = None) -> str:
    """94.1 % (92.8 to 95.2), 32.4, 12,000. Some figures are told in hundredths already: those of SQuAD, and ROUGE."""
    share = not SHARES.isdisjoint(figure.split("/"))
    times = 100 if value <= 1 else 1
    text = f"{times * value:.1f} %" if share else number(value)
    if not interval:
        return text
    low, high = (f"{times * bound:.1f}" if share else number(bound) for bound in interval)
    return gettext("%(value)s (%(low)s to %(high)s)") % {"value": text, "low": low, "high": high}


def flat(figures: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Numbers by their path; everything else is left out."""
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}/")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{prefix}{name}", value


def is_figure(name: str) -> bool:
    """Whether a number says how good a model is, rather than how many rows were asked or what rounding costs."""
    return not name.startswith(("rounding", "calibration")) and name.rpartition("/")[2] not in ("rows", "sentences")


def deciding(task: str, figures: Mapping[str, Any]) -> tuple[str, float] | None:
    """The figure that decides for this task, where it is there."""
    return next(((name, figures[name]) for name in TASKS[task].metrics
                 if isinstance(figures.get(name), int | float)), None)
