"""The evaluation report: figures, intervals, pictures' numbers, and each row with what was answered."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from modeling import metrics
from modeling.errors import ConfigError
from modeling.inference.evaluation import Measurement, predict
from modeling.inference.figures import FIGURES, Prediction
from modeling.inference.latency import latency

REPORT, PREDICTIONS = "report.json", "predictions.jsonl"
SHOWN = 10
"""Best and worst rows that are named."""
LONGEST = 5000
"""Characters of a text in the predictions."""


def write_report(asked: Measurement, out: Path) -> dict[str, Any]:
    """Measure, and write the folder `out` with report.json and predictions.jsonl, whole or not at all.

    report.json: task, rows, metrics, intervals, seconds, rows_per_second, latency (of one question alone), best and
    worst (lines of predictions.jsonl, from 0); where the task has them confusion (`matrix[truth][found]`) and
    calibration. An earlier report at `out` is replaced. Raises DataError when nothing can be measured, ConfigError when
    something else is at `out`.
    """
    if out.exists() and not (out / REPORT).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out} exists and is no report", remedy="Choose another --report or move it away")
    started = time.monotonic()
    predictions = predict(asked)
    seconds = time.monotonic() - started
    report = summed_up(asked, predictions)
    report |= {"seconds": round(seconds, 1), "rows_per_second": round(len(predictions) / max(1e-3, seconds), 1),
               "latency": latency(asked)}
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_name(f".{out.name}.{secrets.token_hex(6)}")
    draft.mkdir()
    try:
        _write(draft / REPORT, [report])
        _write(draft / PREDICTIONS, (line_of(index, found) for index, found in enumerate(predictions)))
        shutil.rmtree(out, ignore_errors=True)
        draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return report


def summed_up(asked: Measurement, predictions: Sequence[Prediction]) -> dict[str, Any]:
    """The report without its times."""
    figures = FIGURES[asked.artifact.task](asked.artifact, predictions)
    ranked = sorted(range(len(predictions)), key=lambda index: -predictions[index].score)
    report = {"task": asked.artifact.task, "model": asked.artifact.model, "digest": asked.artifact.digest,
              "rows": figures["rows"], "metrics": figures["metrics"], "intervals": figures["intervals"],
              "best": ranked[:SHOWN], "worst": ranked[::-1][:SHOWN]}  # fmt: skip
    if "confusion_matrix" in figures:
        report["confusion"] = {"labels": figures["labels"], "matrix": figures["confusion_matrix"]}
    sure = [(p.confidence, p.right) for p in predictions if p.confidence is not None and p.right is not None]
    if sure:
        report["calibration"] = metrics.calibration(*zip(*sure, strict=True))
    return report


def line_of(index: int, found: Prediction) -> dict[str, Any]:
    """A line of predictions.jsonl. `row` is the place in the data; a translation has a line for each direction."""
    expected = found.expected[0] if isinstance(found.expected, list) and len(found.expected) == 1 else found.expected
    line = {"index": index, "row": found.row, "input": _shortened(found.input), "expected": _shortened(expected),
            "output": _shortened(found.output), "score": found.score, "confidence": found.confidence}
    return line | ({"direction": found.direction} if found.direction else {})


def _shortened(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _shortened(text) for name, text in value.items()}
    if isinstance(value, list):
        return [_shortened(text) for text in value]
    return f"{value[:LONGEST]} …" if isinstance(value, str) and len(value) > LONGEST else value


def _write(path: Path, lines: Iterator[dict[str, Any]] | Sequence[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def progress_of(tell: Callable[[dict[str, Any]], None]) -> Callable[[int, int], None]:
    """Events of progress for `Measurement.on_progress`, with the time left at the speed so far."""
    started = time.monotonic()

    def on_progress(done: int, total: int) -> None:
        left = (time.monotonic() - started) / max(1, done) * max(0, total - done)
        tell({"progress": min(1.0, done / max(1, total)), "note": f"{done:,} / {total:,}",
              "seconds_left": round(left, 1)})

    return on_progress
