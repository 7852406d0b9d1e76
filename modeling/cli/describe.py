"""`describe DATA`: what is in a data set, before anything is trained on it."""

from __future__ import annotations

import argparse
import json

from modeling.datasets import describe
from modeling.errors import DataError
from modeling.tasks import TASKS

HELP = "say what a data set holds: format, columns, languages, balance, problems"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", nargs="+", metavar="DATA", help="a file, a folder, or two aligned files")
    parser.add_argument("--task", choices=list(TASKS), help="the task it is for; guessed where it is left out")
    parser.add_argument("--columns", nargs="+", action="extend", default=[], metavar="ROLE=COLUMN",
                        help="a column's role, by name or by index from 0, such as text=1")
    parser.add_argument("--format", help="the file's format, where suffix and content mislead")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def columns_of(pairs: list[str]) -> dict[str, str]:
    """{"text": "1"} of ["text=1"]. Raises DataError."""
    columns = {}
    for pair in pairs:
        role, separator, column = pair.partition("=")
        if not separator or not role or not column:
            raise DataError(f"--columns is {pair!r}", allowed="It is ROLE=COLUMN, such as text=1")
        columns[role] = column
    return columns


def run(args: argparse.Namespace) -> int:
    found = describe(args.data, task=args.task, columns=columns_of(args.columns), format=args.format)
    print(json.dumps(found.as_json(), ensure_ascii=False) if args.json else found)
    return 0
