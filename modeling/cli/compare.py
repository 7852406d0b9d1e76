"""`compare DATA --task T --models a,b,c`: every model on the same frozen test split, as a leaderboard."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from modeling.cli.build import read_options
from modeling.cli.describe import columns_of
from modeling.cli.progress import tell, watched
from modeling.cli.starters import FOLDER
from modeling.cli.train import pairs_of
from modeling.experiments import compare, contestants, table
from modeling.tasks import TASKS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", nargs="+", type=Path, metavar="DATA", help="files, folders, or aligned files")
    parser.add_argument("--task", required=True, choices=list(TASKS), help="what the models shall do")
    parser.add_argument("--models", default="all", metavar="A,B:KEY=VALUE",
                        help="models with settings that differ from their defaults; all where it is left out")
    parser.add_argument("--from", nargs="+", action="extend", default=[], metavar="MODEL=FOLDER", dest="parents",
                        help="what a model starts from: an artifact or a Hugging Face folder")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of splits, artifacts, reports")
    parser.add_argument("--columns", nargs="+", action="extend", default=[], metavar="ROLE=COLUMN",
                        help="a column's role, by name or by index from 0")
    parser.add_argument("--split", nargs="+", action="extend", default=[], metavar="KEY=VALUE",
                        help="validation=0.1 test=0.1 seed=0 drop_duplicates=true")
    parser.add_argument("--seed", type=int, default=0, help="of weights and order (0)")
    parser.add_argument("--storage", choices=("fp32", "fp16", "int8"), default="int8", help="of the weights (int8)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="processor threads")


def run(args: argparse.Namespace) -> int:
    starters = {folder.name: folder for folder in FOLDER.iterdir() if folder.is_dir()}
    parents = {name: starters.get(place, Path(place)) for name, place in pairs_of(args.parents).items()}
    models = contestants(args.task, args.models, starters | parents)
    found = compare(args.data, args.out, task=args.task, models=models, options=read_options(pairs_of(args.split)),
                    columns=columns_of(args.columns) or None, storage=args.storage, seed=args.seed,
                    threads=args.threads, on_event=show if watched() else tell)
    print(("\r\x1b[K" if watched() else "") + table(args.task, found))
    return 0


def show(event: dict[str, Any]) -> None:
    """A line that is redrawn; what failed gets a line of its own."""
    if event["event"] == "failed":
        sys.stderr.write(f"\r\x1b[K{event['name']}: {event['text']}\n")
    elif event["event"] == "step":
        sys.stderr.write(f"\r\x1b[K{event['name']}  step {event['step']:,} of {event['steps']:,}")
    elif event["event"] == "model":
        sys.stderr.write(f"\r\x1b[K{event['name']} …")
    sys.stderr.flush()
