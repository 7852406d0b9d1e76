"""`calibrate ARTIFACT DATA`: make a reader's confidence mean what it says, and choose below which it gives no answer.

Only the manifest and the figures of the artifact are written; its weights stay. DATA are rows that it was not trained
on, and that are not the ones it is measured on: the validation split.
"""

from __future__ import annotations

import argparse
import json
import os

from modeling.artifact import Artifact
from modeling.cli.describe import columns_of
from modeling.cli.starters import found_artifact
from modeling.datasets import read
from modeling.inference.evaluation import Measurement
from modeling.inference.tuning import calibrate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("artifact", metavar="ARTIFACT", help="folder of a reader, or the name of a starter")
    parser.add_argument("data", nargs="+", metavar="DATA", help="rows held out from its training")
    parser.add_argument("--columns", nargs="+", action="extend", default=[], metavar="ROLE=COLUMN",
                        help="a column's role, by name or by index from 0")
    parser.add_argument("--limit", type=int, metavar="N", help="use about N rows only, spread over all")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="processor threads")


def run(args: argparse.Namespace) -> int:
    """Prints what was tuned. Raises ConfigError for what is no reader."""
    artifact = Artifact.load(found_artifact(args.artifact))
    rows = read(args.data, task=artifact.task, columns=columns_of(args.columns) or None).rows
    step = max(1, len(rows) // args.limit) if args.limit else 1
    _changed, report = calibrate(Measurement(artifact=artifact, rows=rows[::step], threads=args.threads))
    print(json.dumps(report, indent=1))
    return 0
