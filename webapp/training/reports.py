"""An artifact as its page shows it: figures with intervals, pictures, examples, parity, where it comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext

from modeling.artifact import Artifact as ArtifactFolder
from modeling.errors import ArtifactError
from webapp import charts
from webapp.markdown import render_document
from webapp.training.cards import in_readers_language
from webapp.training.figures import figure_text, flat, is_figure, name_of
from webapp.training.models import Artifact
from webapp.training.services import CARD_CHARACTERS

PAGE = 50  # rows
LABELS = 40  # of a confusion matrix that are drawn


def overview(artifact: Artifact, rows_url: str) -> dict[str, Any]:
    """Context of the artifact's page. `rows_url` is the address of its rows."""
    report = artifact.report or {"metrics": artifact.metrics}
    card = in_readers_language(artifact.card[:CARD_CHARACTERS])
    return {
        "artifact": artifact, "card": render_document(card), "report": report,
        "figures": list(figures(report)), "matrix": confusion(report, rows_url), "calibration": calibration(report),
        **examples(artifact, "best", "worst"), **facts(artifact),
    }


def figures(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names and values, the intervals with them."""
    intervals = report.get("intervals", {})
    for name, value in flat(report.get("metrics", {})):
        if is_figure(name):
            yield name_of(name), figure_text(name, value, intervals.get(name))


def confusion(report: Mapping[str, Any], rows_url: str) -> str:
    """The matrix, whose cells open their rows."""
    found = report.get("confusion")
    if not found or len(found["labels"]) > LABELS:
        return ""
    labels = found["labels"]

    def link(truth: int, answer: int) -> str:
        return f"{rows_url}?{urlencode({'expected': labels[truth], 'output': labels[answer]})}"

    return charts.matrix(labels, found["matrix"], link=link)


def calibration(report: Mapping[str, Any]) -> str:
    """How far its confidence can be believed."""
    found = report.get("calibration")
    return charts.calibration(found["bins"]) if found else ""


def examples(artifact: Artifact, *which: str) -> dict[str, list[dict[str, Any]]]:
    """The rows that the report names under each of these words, in its order: by their lines in the file."""
    wanted = {index for word in which for index in artifact.report.get(word, [])}
    lines = islice(_lines(artifact), max(wanted, default=-1) + 1)
    found = {index: _shown(json.loads(line)) for index, line in enumerate(lines) if index in wanted}
    return {word: [found[index] for index in artifact.report.get(word, []) if index in found] for word in which}


def _lines(artifact: Artifact) -> Iterator[str]:
    """The rows of the test split with what was answered, one by one from the disk."""
    path: Path = artifact.evaluation_folder / "predictions.jsonl"
    if path.is_file():
        with path.open(encoding="utf-8") as file:
            yield from file


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """With `input`, `output` and `expected` as texts."""
    return row | {name: _text(row.get(name)) for name in ("input", "output", "expected")}


def rows(artifact: Artifact, *, expected: str, output: str, page: int) -> dict[str, Any]:
    """A page of the rows with this truth and this answer; an empty text stands for any."""
    def chosen(row: Mapping[str, Any]) -> bool:
        return (not expected or _text(row["expected"]) == expected) and (not output or _text(row["output"]) == output)

    first, last, lines = (page - 1) * PAGE, page * PAGE + 1, _lines(artifact)
    found: Iterator[dict[str, Any]]
    if expected or output:
        found = islice(filter(chosen, map(json.loads, lines)), first, last)
    else:
        found = map(json.loads, islice(lines, first, last))  # what comes before is not taken apart
    shown = list(map(_shown, found))
    return {"rows": shown[:PAGE], "page": page, "more": len(shown) > PAGE}


def facts(artifact: Artifact) -> dict[str, Any]:
    """What the manifest proves and where the artifact comes from; `fault` when its folder is not whole."""
    try:
        manifest = ArtifactFolder.load(artifact.folder, verify=False).manifest
    except ArtifactError as error:
        return {"fault": error, "parity": [], "lineage": []}
    lineage, parity = manifest.get("lineage", {}), manifest.get("parity", {})
    splits = {"train": gettext("training"), "validation": gettext("validation"), "test": gettext("test")}
    sizes = [f"{splits.get(part, part)} {n:,}" for part, n in (lineage.get("rows") or {}).items()]
    return {
        "parity": [(label, _short(parity[name])) for name, label in parity_labels() if name in parity],
        "lineage": [(name, value) for name, value in (
            (gettext("Origin"), artifact.get_origin_display()), (gettext("Imported from"), lineage.get("imported")),
            (gettext("Rows"), ", ".join(sizes)), (gettext("Seed"), lineage.get("seed")),
            (gettext("Recipe"), lineage.get("recipe")),
            (gettext("Continued from"), "" if lineage.get("imported") else (lineage.get("parent") or {}).get("name")),
            (gettext("SHA-256"), manifest["digest"][:16] + "…")) if value not in (None, "")],
    }


def parity_labels() -> list[tuple[str, str]]:
    """What the proof of an export consists of, in words."""
    return [("rows", gettext("Rows")), ("logits", gettext("Outputs compared")),
            ("max_difference", gettext("Largest difference")), ("tolerance", gettext("Allowed")),
            ("decisions", gettext("Decisions compared")), ("differing", gettext("Decided otherwise")),
            ("near_ties", gettext("of them near ties"))]


def _short(value: Any) -> str:
    return f"{value:.2g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def _text(value: Any) -> str:
    """A field of a prediction as a person reads it."""
    if isinstance(value, Mapping):
        names = {"question": gettext("question"), "context": gettext("passage")}
        return "\n".join(f"{names.get(name, name)}: {_text(inner)}" for name, inner in value.items())
    return " | ".join(map(_text, value)) if isinstance(value, list) else "" if value is None else str(value)
