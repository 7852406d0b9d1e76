"""`build DATA --out DIR`: files of any size to checked rows in splits, with a report; events as JSON lines."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import typing
from pathlib import Path
from typing import Any, NoReturn

from modeling.cli.describe import columns_of
from modeling.cli.train import pairs_of
from modeling.datasets import BuildOptions, build
from modeling.errors import ConfigError
from modeling.tasks import TASKS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", nargs="+", type=Path, metavar="DATA", help="files, folders, or aligned files")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder to write; must not exist yet")
    parser.add_argument("--task", choices=list(TASKS), help="the task it is for; guessed where it is left out")
    parser.add_argument("--columns", nargs="+", action="extend", default=[], metavar="ROLE=COLUMN",
                        help="a column's role, by name or by index from 0, such as text=1")
    parser.add_argument("--format", help="the files' format, where suffix and content mislead")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", dest="settings",
                        help="validation=0.1 test=0.1 seed=0 drop_duplicates=true")
    parser.add_argument("--additions", type=Path, metavar="FILE", help="rows that go into train, JSON lines")


def run(args: argparse.Namespace) -> int:
    signal.signal(signal.SIGTERM, _end)  # so that nothing half-written stays
    report = build(args.data, args.out, task=args.task, columns=columns_of(args.columns), format=args.format,
                   options=read_options(pairs_of(args.settings)), additions=args.additions, on_event=print_event)
    print_event({"result": report["splits"]})
    return 0


def print_event(event: dict[str, Any]) -> None:
    print(json.dumps(event, ensure_ascii=False), flush=True)


def read_options(pairs: dict[str, str]) -> BuildOptions:
    """Options of `key=value` texts. Raises ConfigError, whose `field` is the key."""
    hints = typing.get_type_hints(BuildOptions)
    values: dict[str, Any] = {}
    for name, text in pairs.items():
        if name not in hints:
            raise ConfigError(f"there is no option {name!r}", allowed=f"the options are {', '.join(hints)}", field=name)
        try:
            values[name] = {"true": True, "false": False}[text.lower()] if hints[name] is bool else hints[name](text)
        except (KeyError, ValueError):
            allowed = "true or false" if hints[name] is bool else "a number"
            raise ConfigError(f"{name} cannot be {text!r}", allowed=allowed, field=name) from None
    return BuildOptions(**values)


def _end(signum: int, frame: object) -> NoReturn:
    sys.exit(128 + signum)
