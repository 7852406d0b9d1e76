"""`label ARTIFACT FILE --out FILE`: a file of texts in, the same file with labels out."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from modeling.artifact import Artifact
from modeling.cli.progress import tell
from modeling.cli.starters import found_artifact
from modeling.errors import ConfigError, DataError
from modeling.inference.classification import ClassificationScheduler
from modeling.inference.labelling import label_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("artifact", metavar="ARTIFACT", help="folder of a classifier, or the name of a starter")
    parser.add_argument("file", type=Path, metavar="FILE",
                        help="CSV, TSV, Excel, JSON lines, Parquet, or a text a line")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="what to write: .csv, .tsv or .jsonl")
    parser.add_argument("--column", metavar="NAME", help="the column with the texts, by name or by index from 0")
    parser.add_argument("--format", help="the file's format, where suffix and content mislead")
    parser.add_argument("--threshold", type=float, metavar="P", help="below this probability a label is not sure")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="processor threads")


def run(args: argparse.Namespace) -> int:
    artifact = Artifact.load(found_artifact(args.artifact))
    if artifact.task != "classification":
        raise ConfigError(f"{artifact.name} is for {artifact.task}", allowed="a classifier labels files")
    if not args.file.is_file():
        raise DataError(f"there is no file {args.file.name}", remedy="Check the path")
    scheduler = ClassificationScheduler(artifact, threads=args.threads, device="cpu", slots=1, max_waiting=1)
    started = last = time.monotonic()

    def show(share: float, rows: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= 1:
            last = now
            left = {"seconds_left": (now - started) * (1 - share) / share} if share else {}
            tell({"progress": min(0.99, share), "note": f"{rows:,} rows", **left})

    result = label_file(scheduler, args.file, args.out, column=args.column, format=args.format,
                        threshold=args.threshold, on_progress=show)
    tell({"result": result})
    return 0
