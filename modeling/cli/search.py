"""`search DATA --task T --model M --space KEY=LOW..HIGH`: the settings that suit these data."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from modeling.cli.build import read_options
from modeling.cli.describe import columns_of
from modeling.cli.progress import tell, watched
from modeling.cli.train import pairs_of
from modeling.configs import read_settings
from modeling.datasets import build
from modeling.experiments import Asked, read_space, search
from modeling.tasks import TASKS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", nargs="+", type=Path, metavar="DATA",
                        help="files of rows; with --validation those to learn from")
    parser.add_argument("--validation", type=Path, metavar="DATA", help="rows that judge; else cut from DATA")
    parser.add_argument("--task", required=True, choices=list(TASKS), help="what the model shall do")
    parser.add_argument("--model", required=True, help="its kind")
    parser.add_argument("--space", nargs="+", required=True, action="extend", default=[], metavar="KEY=RANGE",
                        help="what varies: learning_rate=1e-4..1e-2:log layers=1..4 hidden=64|128")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", dest="settings",
                        help="what stays")
    parser.add_argument("--trials", type=int, default=20, metavar="N", help="trainings that are tried (20)")
    parser.add_argument("--from", type=Path, metavar="ARTIFACT", dest="parent", help="what each starts from")
    parser.add_argument("--columns", nargs="+", action="extend", default=[], metavar="ROLE=COLUMN",
                        help="a column's role, by name or by index from 0")
    parser.add_argument("--seed", type=int, default=0, help="of proposals, splits, weights and order (0)")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of the search, to go on from")


def run(args: argparse.Namespace) -> int:
    settings, space = pairs_of(args.settings), read_space(args.task, args.model, pairs_of(args.space))
    read_settings(args.task, args.model, settings)
    train, validation = args.data[0], args.validation
    if validation is None:
        rows = args.out / "data"
        if not rows.exists():
            build(args.data, rows, task=args.task, columns=columns_of(args.columns) or None,
                  options=read_options({"seed": str(args.seed)}))
        train, validation = rows / "train.jsonl", rows / "validation.jsonl"
    asked = Asked(task=args.task, model=args.model, train=train, validation=validation, space=space, settings=settings,
                  trials=args.trials, seed=args.seed, parent=args.parent)
    found = search(asked, args.out, on_event=show if watched() else tell)
    tell({"result": found | {"settings": " ".join(f"{key}={value}" for key, value in found["settings"].items())}
          if watched() else found})
    return 0


def show(event: dict[str, Any]) -> None:
    """A trial's line is redrawn until it ends."""
    if event.get("event") == "trial":
        value = "" if event["value"] is None else f"{event['value']:.4g}"
        chosen = " ".join(f"{key}={value}" for key, value in event["settings"].items())
        sys.stderr.write(f"\r\x1b[K{event['number']:3}  {event['state']:9} {value:>8}  {chosen}"
                         + ("" if event["state"] == "running" else "\n"))
        sys.stderr.flush()
