"""A version's report in words and pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from modeling.configs import TRAINABLE
from modeling.tasks import TASKS
from webapp import charts
from webapp.datasets.forms import role_name
from webapp.datasets.models import DatasetVersion, VersionState
from webapp.jobs.models import JobState
from webapp.wording import duration, spoken, spoken_of

FEW = 200  # rows to train on below which nothing much will be learnt,
MUCH_TEXT = 200_000  # unless they are long: characters
MANY_CUT = 0.1  # share of rows that a model's length cuts, from which it matters
MANY_BAD = 0.05  # share of rows that cannot be used, from which something is wrong with the file
MANY_CONFLICTS = 0.005
RARE = 5  # rows of a class below which it will hardly be learnt

BROKEN = re.compile(r"\n\[\d+\]$")  # the status of a child that ended otherwise than by a complaint of its own
Report = Mapping[str, Any]


def page(version: DatasetVersion) -> dict[str, Any]:
    """Everything that the report page shows, but its form."""
    report, dataset = version.report, version.dataset
    return {
        "original": dataset, "dataset": dataset, "version": version, "report": report,
        "building": version.state == VersionState.BUILDING, "ready": version.state == VersionState.READY,
        "trainable": bool(TRAINABLE.get(dataset.task)), "tasks": TASKS, "versions": dataset.versions.defer("report"),
        "verdict": verdict(version), "reading": reading(version), "facts": facts(version),
        "pictures": pictures(report), "problems": problems(version), "preview": preview(report),
        "splits": splits(version),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a report comes to."""

    tone: str  # good, busy, warning or fault: the class of its notice
    headline: str
    advice: list[str]  # what to know or to do, a sentence or two each
    details: str = ""  # what the program said, for those who want to know


def verdict(version: DatasetVersion) -> Verdict:
    """In plain words, whether one can train on it, and what to do where not."""
    report = version.report
    if version.state == VersionState.BUILDING:
        return Verdict(tone="busy", headline=_progress(version), advice=[])
    if version.state == VersionState.FAILED:
        broken = BROKEN.search(version.error)
        message, _line, details = version.error.partition("\n") if broken else (version.error, "", "")
        return Verdict(tone="fault", headline=_("It cannot be used yet"), advice=[of_program(message, version)],
                       details=details)
    rows = sum(report["splits"].values())
    if faults := list(_faults(report)):
        return Verdict(tone="fault", headline=_("There is nothing to learn in it yet"), advice=faults)
    advice = list(_advice(report))
    ready = ngettext("Ready to train: %(rows)s row", "Ready to train: %(rows)s rows", rows)
    if not TRAINABLE.get(report["task"]) or lacks_summaries(report):
        ready = ngettext("Ready: %(rows)s row", "Ready: %(rows)s rows", rows)
    return Verdict(tone="warning" if advice else "good", advice=advice, headline=ready % {"rows": f"{rows:,}"})


def lacks_summaries(report: Report) -> bool:
    """Whether these are texts to be summarised without any summary to learn from."""
    return report.get("task") == "summarisation" and report.get("summaries") == 0


def _progress(version: DatasetVersion) -> str:
    if seen := version.report.get("seen"):
        return _("Being read: %(rows)s rows so far") % {"rows": f"{seen:,}"}
    running = version.job is not None and version.job.state == JobState.RUNNING
    return _("Being read") if running else _("Waiting to be read")


def reading(version: DatasetVersion) -> str:
    """What the child does just now, and how long it will take."""
    job = version.job
    parts = [spoken(job.note).rstrip(".。") if job and job.note else ""]
    if job and job.state == JobState.RUNNING and job.seconds_left is not None:
        parts.append(_("about %(time)s left") % {"time": duration(job.seconds_left)})
    return " · ".join(filter(None, parts))


def of_program(text: str, version: DatasetVersion) -> str:
    """What the library said, a sentence a line, in the reader's language, with the names that files came with."""
    return spoken_of(text, file_names(version))


def _faults(report: Report) -> Iterator[str]:
    if report["splits"]["train"] < 2:
        yield _("Hardly any row is left to train on. Look at the bad rows below, or choose other columns.")
    if report.get("task") == "classification" and report.get("label_count") == 1:
        yield _("Every row has the same label. Choose another column as the label, or add rows of other classes.")


def _advice(report: Report) -> Iterator[str]:
    if not TRAINABLE.get(report["task"]):
        yield _("This job needs no training: publish an assistant at once. The rows are for measuring how good it is.")
    elif lacks_summaries(report):
        yield _("No row has a summary. To pick the sentences that say most, none is needed: publish an assistant with "
                "LexRank at once, or train it on your word vectors. A model that writes its own summaries learns from "
                "pairs: say which column has the summaries, or upload data with them.")
    elif report["splits"]["train"] < FEW and report["characters"] < MUCH_TEXT:
        yield _("That is little: expect a weak model. A few thousand rows are a good beginning.")
    if bad := report["errors"]:
        share = bad / max(1, report["seen"])
        text = ngettext("%(count)s row could not be used and was left out.",
                        "%(count)s rows could not be used and were left out.", bad) % {"count": f"{bad:,}"}
        yield f"{text} {_('That is much; the reasons are below.')}" if share > MANY_BAD else text
    if leaking := report["leakage"]["rows"]:
        yield _("%(count)s rows of validation or test also stand in the training rows, so figures will look too good. "
                "Leave out duplicates.") % {"count": f"{leaking:,}"}
    if (conflicts := report["conflicts"]["rows"]) > MANY_CONFLICTS * report["rows"]:
        yield _("%(count)s rows contradict another: the same text, but a different answer. Decide for one of them in "
                "the file.") % {"count": f"{conflicts:,}"}
    if rare := [found["label"] for found in report["labels"] if found["rows"] < RARE]:
        yield _("Few rows: %(labels)s. A class needs some dozens of rows to be learnt.") % {
            "labels": ", ".join(rare[:5]) + ("…" if len(rare) > 5 else "")}
    for cut in report["cuts"]:
        if cut["rows"] > MANY_CUT * report["rows"]:
            yield _("%(count)s rows are longer than %(model)s reads (%(limit)s %(unit)s); the rest of them is cut.") % {
                "count": f"{cut['rows']:,}", "model": cut["model"], "limit": f"{cut['limit']:,}",
                "unit": unit_name(cut["unit"])}


def unit_name(unit: str) -> str:
    """What a model's length is counted in."""
    return {"tokens": _("tokens"), "characters": _("characters")}.get(unit, unit)


def facts(version: DatasetVersion) -> list[tuple[str, str]]:
    """The short ones, with their names."""
    report, dataset = version.report, version.dataset
    task = TASKS.get(report.get("task") or dataset.task)
    shown = [
        (_("Job"), _(task.title) if task else ""),
        (_("Format"), (report.get("format") or "").upper()),
        (_("Encoding"), report.get("encoding") or ""),
        (_("Size"), filesizeformat(sum(source["bytes"] for source in dataset.sources))),
        (_("Rows read"), f"{report['seen']:,}" if "seen" in report else ""),
        (_("Bad rows"), f"{report['errors']:,}" if "errors" in report else ""),
        (_("Characters"), f"{report['characters']:,}" if report.get("characters") else ""),
        (_("Corrections added"), f"{version.added_rows:,}" if version.added_rows else ""),
    ]
    if report.get("done") and report["seconds"] >= 1:
        shown.append((_("Read in"), _("%(seconds)s s") % {"seconds": charts.number(round(report["seconds"], 1))}))
    if report.get("seconds", 0) > 5:  # a shorter time says nothing
        shown.append((_("Speed"), _("%(rate)s a second") % {"rate": filesizeformat(report["bytes_per_second"])}))
    return [(name, value) for name, value in shown if value]


def pictures(report: Report) -> dict[str, Any]:
    """Lengths, classes and languages, drawn; those that there is something to say about."""
    lengths = [(found, role_name(found["role"]), charts.histogram(
        found["histogram"], x_label=_("characters"), y_label=_("rows"))) for found in report.get("lengths") or []]
    return {"lengths": lengths, "labels": _labels(report), "languages": charts.bars(
        (found["code"] or "–", found["share"], f"{found['share']:.0%}") for found in report.get("languages") or [])}


def _labels(report: Report) -> SafeString | None:
    if not (labels := report.get("labels")):
        return None
    total = max(1, report.get("rows") or sum(found["rows"] for found in labels))
    return charts.bars((found["label"], found["rows"], f"{found['rows']:,} · {found['rows'] / total:.1%}")
                       for found in labels)


def problems(version: DatasetVersion) -> list[dict[str, Any]]:
    """The first bad rows, each with the file as it was called."""
    names = file_names(version)
    return [{**found, "file": names.get(found.get("file"), found.get("file")),
             "message": of_program(found["message"], version)}
            for found in version.report.get("problems") or []]


def preview(report: Report) -> list[dict[str, Any]]:
    """Rows by the names of their roles, and what becomes of them."""
    return [{**item, "row": [(role_name(role), _text(value)) for role, value in item["row"].items()
                             if value and role != "id"]} for item in report.get("preview") or []]


def _text(value: Any) -> str:
    """Answers by their texts, each once."""
    return " · ".join(dict.fromkeys(answer["text"] for answer in value)) if isinstance(value, list) else str(value)


def file_names(version: DatasetVersion) -> dict[str, str]:
    """What the files are called here -> what they were called when they came."""
    return {source["file"].rsplit("/", 1)[-1]: source["name"] for source in version.dataset.sources}


def splits(version: DatasetVersion) -> list[tuple[str, str, int]]:
    """(name, what people call it, rows) of those that are stored."""
    names = {"train": _("to train on"), "validation": _("to choose by"), "test": _("to measure with")}
    return [(name, names[name], rows) for name, rows in (version.report.get("splits") or {}).items() if name in names]
