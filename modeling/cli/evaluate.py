"""`evaluate ARTIFACT DATA`: how good a model is on data that it has not seen."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from modeling.artifact import Artifact
from modeling.cli.describe import columns_of
from modeling.cli.progress import tell, watched
from modeling.cli.starters import found_artifact
from modeling.datasets import read
from modeling.errors import DataError
from modeling.inference import SamplingParams
from modeling.inference.evaluation import Measurement, evaluate
from modeling.inference.report import progress_of, write_report

WRITING = ("beam", "length_penalty", "no_repeat", "min_tokens", "max_tokens")
"""What decides which text a model writes where nothing is left to chance."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("artifact", metavar="ARTIFACT", help="folder of an artifact, or the name of a starter")
    parser.add_argument("rows", nargs="*", metavar="DATA", help="a file, a folder, or two aligned files")
    parser.add_argument("--data", nargs="+", default=[], metavar="DATA", help="the same")
    parser.add_argument("--report", type=Path, metavar="DIR",
                        help="write a report of everything and each row's answer there")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--columns", nargs="+", action="extend", default=[], metavar="ROLE=COLUMN",
                        help="a column's role, by name or by index from 0, such as text=1")
    parser.add_argument("--format", help="the file's format, where suffix and content mislead")
    parser.add_argument("--limit", type=int, metavar="N", help="measure the first N rows only")
    parser.add_argument("--beam", type=int, metavar="N",
                        help="hypotheses of a translation or summary; 1 is greedy; as the chat asks where left out")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="processor threads")


def run(args: argparse.Namespace) -> int:
    artifact, data = Artifact.load(found_artifact(args.artifact)), [*args.rows, *args.data]
    if not data:
        raise DataError("There are no data", remedy="Name a file of rows after the artifact")
    dataset = read(data, task=artifact.task, columns=columns_of(args.columns) or None, format=args.format)
    asked = Measurement(artifact=artifact, rows=dataset.rows[: args.limit], threads=args.threads,
                        sampling=sampling_of(artifact.defaults, args.beam))
    return _write(asked, args.report) if args.report else _show(asked, len(dataset.problems), as_json=args.json)


def sampling_of(defaults: Mapping[str, Any], beam: int | None) -> SamplingParams:
    """A text is written as the chat would have it written: by the artifact's defaults."""
    asked = {name: defaults[name] for name in WRITING if name in defaults}
    return SamplingParams(**asked | ({} if beam is None else {"beam": beam}))


def _write(asked: Measurement, out: Path) -> int:
    report = write_report(replace(asked, on_progress=progress_of(tell)), out)
    if watched():
        print("\r\x1b[K" + "\n".join(_lines(report)))
    else:
        tell({"result": {"report": str(out), "rows": report["rows"], "metrics": report["metrics"]}})
    return 0


def _show(asked: Measurement, problems: int, *, as_json: bool) -> int:
    started = time.monotonic()
    report = evaluate(asked.artifact, asked.rows, threads=asked.threads, sampling=asked.sampling)
    report |= {"seconds": round(time.monotonic() - started, 1), "problems": problems}
    print(json.dumps(report, ensure_ascii=False) if as_json else "\n".join(_lines(report)))
    return 0


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    """For people."""
    intervals = report.get("intervals", {})
    for name, value in _flat(report["metrics"]):
        low, high = intervals.get(name, (None, None))
        yield f"{name.replace('/', ' '):24} {value:9.4f}" + ("" if low is None else f"   ({low:.4f} to {high:.4f})")
    left_out = f", {report['problems']} problems in the data" if report.get("problems") else ""
    yield f"{report['rows']:,} rows in {report['seconds']:.1f} s{left_out}"


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", value
