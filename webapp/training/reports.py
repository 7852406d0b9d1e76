"""An artifact as its page shows it: figures with intervals, pictures, examples, parity, where it comes from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext

from modeling.artifact import Artifact as ArtifactFolder
from modeling.errors import ArtifactError
from webapp import charts
from webapp.markdown import render_document
from webapp.training.figures import figure_text, flat, is_figure, name_of
from webapp.training.models import Artifact

PAGE = 50  # rows
LABELS = 40  # of a confusion matrix that are drawn


def overview(artifact: Artifact, rows_url: str) -> dict[str, Any]:
    """Context of the artifact's page. `rows_url` is the address of its rows."""
    report = artifact.report or {"metrics": artifact.metrics}
    return {
        "artifact": artifact, "card": render_document(artifact.card), "report": report,
        "figures": list(figures(report)), "matrix": confusion(report, rows_url), "calibration": calibration(report),
        "best": examples(artifact, "best"), "worst": examples(artifact, "worst"), **facts(artifact),
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


def examples(artifact: Artifact, which: str) -> list[dict[str, Any]]:
    """The rows that the report names as best or worst, in its order."""
    wanted = list(artifact.report.get(which, []))
    found = {row["index"]: row for row in predictions(artifact, lambda row: row["index"] in wanted)} if wanted else {}
    return [found[index] for index in wanted if index in found]


def predictions(artifact: Artifact, chosen: Callable[[Mapping[str, Any]], bool]) -> Iterator[dict[str, Any]]:
    """Rows of the test split with what was answered, `input` and `expected` as texts, one by one from the disk."""
    path: Path = artifact.evaluation_folder / "predictions.jsonl"
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            if chosen(row):
                yield row | {name: _text(row.get(name)) for name in ("input", "output", "expected")}


def rows(artifact: Artifact, *, expected: str, output: str, page: int) -> dict[str, Any]:
    """A page of the rows with this truth and this answer; an empty text stands for any."""
    def chosen(row: Mapping[str, Any]) -> bool:
        return (not expected or _text(row["expected"]) == expected) and (not output or _text(row["output"]) == output)

    found = list(islice(predictions(artifact, chosen), (page - 1) * PAGE, page * PAGE + 1))
    return {"rows": found[:PAGE], "page": page, "more": len(found) > PAGE}


def facts(artifact: Artifact) -> dict[str, Any]:
    """What the manifest proves and where the artifact comes from; `fault` when its folder is not whole."""
    try:
        manifest = ArtifactFolder.load(artifact.folder, verify=False).manifest
    except ArtifactError as error:
        return {"fault": error, "parity": [], "lineage": []}
    lineage, parity = manifest.get("lineage", {}), manifest.get("parity", {})
    splits = {"train": gettext("training"), "validation": gettext("validation"), "test": gettext("test")}
    sizes = [f"{splits.get(part, part)} {n:,}" for part, n in lineage.get("rows", {}).items()]
    return {
        "parity": [(label, _short(parity[name])) for name, label in parity_labels() if name in parity],
        "lineage": [(name, value) for name, value in (
            (gettext("Rows"), ", ".join(sizes)), (gettext("Seed"), lineage.get("seed")),
            (gettext("Recipe"), lineage.get("recipe")),
            (gettext("Continued from"), (lineage.get("parent") or {}).get("name")),
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
