"""`train`: data in, artifact out; the same command again goes on where a killed one stopped.

SIGTERM ends it with a checkpoint and status 75; a file `stop` in DIR.run ends it early with the best weights.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from modeling.cli.describe import columns_of
from modeling.configs import read_settings
from modeling.errors import ConfigError
from modeling.runs import RESUME, RunInterrupted
from modeling.tasks import TASKS

HELP = "train a model on your data and write it as an artifact"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--task", required=True, choices=list(TASKS), help="what the model shall do")
    parser.add_argument("--model", help="its kind; the task's first where it is left out")
    parser.add_argument("--data", required=True, nargs="+", type=Path, metavar="DATA", help="files of rows")
    parser.add_argument("--validation", nargs="+", type=Path, default=[], metavar="DATA", help="files of that split")
    parser.add_argument("--test", nargs="+", type=Path, default=[], metavar="DATA", help="files of that split")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of the artifact")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", dest="settings",
                        help="a setting of model or training")
    parser.add_argument("--from", type=Path, metavar="ARTIFACT", dest="parent",
                        help="artifact to continue from; for bert also a Hugging Face folder")
    parser.add_argument("--columns", nargs="+", action="extend", default=[], metavar="ROLE=COLUMN",
                        help="a column's role, by name or by index from 0")
    parser.add_argument("--name", default="", help="of the artifact, for people; that of DIR where it is left out")
    parser.add_argument("--seed", type=int, default=0, help="of splits, weights and order (0)")
    parser.add_argument("--trial", action="store_true",
                        help="only learn: nothing is measured on the test split, no artifact is written")
    parser.add_argument("--storage", choices=("fp32", "fp16", "int8"), default="int8", help="of the weights (int8)")


def run(args: argparse.Namespace) -> int:
    # Only a training needs torch: other commands start without it.
    from modeling.training import Request, on_termination, train, try_out

    model = args.model or next(iter(TASKS[args.task].models))
    request = Request(
        task=args.task, model=model, data=args.data, validation=args.validation, test=args.test, out=args.out,
        settings=read_settings(args.task, model, pairs_of(args.settings)), parent=args.parent, seed=args.seed,
        columns=columns_of(args.columns), storage=args.storage, name=args.name,
    )
    tell = reporter()
    try:
        with on_termination() as interruption:
            if args.trial:
                try_out(request, on_event=tell, interruption=interruption)
                return 0
            artifact = train(request, on_event=tell, interruption=interruption)
    except RunInterrupted:
        return RESUME
    if tell is print_event and os.environ.get("RANK", "0") == "0":  # of several processes the first one speaks
        print_event({"result": {"path": str(artifact.path), "digest": artifact.digest, "bytes": artifact.bytes}})
    return 0


def pairs_of(settings: list[str]) -> dict[str, str]:
    """{"steps": "100"} of ["steps=100"]."""
    pairs = {}
    for setting in settings:
        key, separator, value = setting.partition("=")
        if not separator:
            raise ConfigError(f"--set is {setting!r}", allowed="it is KEY=VALUE, such as steps=100")
        pairs[key] = value
    return pairs


def reporter() -> Callable[[dict[str, Any]], None]:
    """A progress bar on a terminal; lines of JSON for everyone else."""
    return show_bar if sys.stderr.isatty() else print_event


def print_event(event: dict[str, Any]) -> None:
    print(json.dumps(event, ensure_ascii=False), flush=True)


def show_bar(event: dict[str, Any]) -> None:
    """Redraw the line of progress; other events get lines of their own."""
    if event["event"] == "step":
        done = event["step"] / event["steps"]
        bar = "█" * round(24 * done) + "░" * (24 - round(24 * done))
        sys.stderr.write(f"\r\x1b[K{bar} {done:4.0%}  step {event['step']:,} of {event['steps']:,}  "
                         f"loss {event['loss']:.3f}  {event['tokens_per_second']:,} tokens/s  "
                         f"{event['seconds_left']:,.0f} s left")
    elif event["event"] == "samples":
        sys.stderr.writelines(f"    {_line(item['input'])} → {_line(item['output'])}\n" for item in event["items"][:1])
    elif event["event"] != "checkpoint":
        told = "  ".join(f"{key} {_short(value)}" for key, value in event.items()
                         if key != "event" and not isinstance(value, list | dict))
        sys.stderr.write(f"\r\x1b[K{event['event']}  {told}\n")
    sys.stderr.flush()


def _line(text: str) -> str:
    return " ".join(text.split())[:60]


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
