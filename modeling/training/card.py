"""The model card of a trained artifact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modeling.tasks import TASKS
from modeling.training.trained import TrainedModel


def model_card(result: TrainedModel, *, name: str, about: str, storage: str) -> str:
    """Markdown: what it is, what it was trained on, how good it is, how it was made."""
    parameters = sum(p.numel() for p in result.module.parameters())
    rows, settings = result.lineage["rows"], result.lineage["settings"]
    shown = {"seed": result.lineage["seed"]} | {k: v for k, v in settings.items() if v not in (None, (), [], 0, False)}
    parts = [
        f"# {name}",
        f"{TASKS[result.task].title}: a `{result.model}` network of {parameters / 1e6:.1f} million parameters, "
        f"weights stored as {storage}."
        + (f" Languages: {', '.join(result.languages)}." if result.languages else ""),
        about.strip() or "## Data\n\n" + data_table(result.lineage),
        "## Held-out figures\n\n"
        f"Measured on {rows['test']} test rows that took no part in training, with the weights as stored; "
        "`rounding` compares them with the fp32 ones on the same rows.\n\n"
        + figures_table(result.metrics),
        "## Training\n\n"
        f"{rows['train']} training and {rows['validation']} validation rows. Settings: "
        + ", ".join(f"{key} {value}" for key, value in shown.items()) + "." + steps_line(result.preprocessing),
    ]
    return "\n\n".join(parts) + "\n"


def steps_line(preprocessing: Mapping[str, Any]) -> str:
    """What is done to a text first, where anything is; of a long list how many words it has."""
    told = {name: (f"({len(value)})" if len(value) > 20 else ", ".join(value)) if isinstance(value, list) else value
            for name, value in preprocessing.get("text", {}).items()}
    return "\n\nPreprocessing: " + "; ".join(f"{name} {value}" for name, value in told.items()) + "." if told else ""


def data_table(lineage: Mapping[str, Any]) -> str:
    files = [entry for kind in ("data", "validation", "test") for entry in lineage[kind]]
    return "| file | SHA-256 |\n|---|---|\n" + "\n".join(f"| {f['name']} | {f['sha256'][:16]}… |" for f in files)


def figures_table(metrics: Mapping[str, Any], prefix: str = "") -> str:
    return "| figure | value |\n|---|---|\n" + "\n".join(f"| {k} | {v} |" for k, v in flat(metrics, prefix))


def flat(metrics: Mapping[str, Any], prefix: str) -> list[tuple[str, str]]:
    """Figures by their path; lists, such as a confusion matrix, stay in metrics.json."""
    found: list[tuple[str, str]] = []
    for key, value in metrics.items():
        if isinstance(value, Mapping):
            found += flat(value, f"{prefix}{key} / ")
        elif isinstance(value, float):
            found.append((f"{prefix}{key}", f"{value:.4g}"))
        elif isinstance(value, int | str):
            found.append((f"{prefix}{key}", str(value)))
    return found
