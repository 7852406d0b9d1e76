"""`preprocess DATA --task T --set html=true`: what each step of preprocessing makes of some rows."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
import unicodedata
from collections.abc import Iterator
from dataclasses import asdict

from modeling.cli.describe import columns_of
from modeling.cli.train import pairs_of
from modeling.configs import PREPROCESSING, read_steps
from modeling.datasets import read
from modeling.datasets.preview import spread
from modeling.datasets.steps import ShownText, shown_steps
from modeling.tasks import TASKS
from modeling.text import is_chinese

WIDTH = 100  # columns of a text, of which a Chinese character takes two; beside it stand the names of the steps


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", nargs="+", metavar="DATA", help="a file, a folder, or two aligned files")
    parser.add_argument("--task", required=True, choices=list(TASKS), help="what the model shall do")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", dest="settings",
                        help="a step, with or without its prefix preprocessing_, such as html=true or stop_words=en,zh")
    parser.add_argument("--rows", type=int, default=5, metavar="N", help="rows to show, from all over the data (5)")
    parser.add_argument("--columns", nargs="+", action="extend", default=[], metavar="ROLE=COLUMN",
                        help="a column's role, by name or by index from 0, such as text=1")
    parser.add_argument("--format", help="the file's format, where suffix and content mislead")
    parser.add_argument("--json", action="store_true", help="print one JSON object a row")


def run(args: argparse.Namespace) -> int:
    given = {key.removeprefix(PREPROCESSING): value for key, value in pairs_of(args.settings).items()}
    steps = read_steps(given)
    steps.check_task(args.task)
    rows = read(args.data, task=args.task, columns=columns_of(args.columns) or None, format=args.format).rows
    for number, texts in enumerate(shown_steps(spread(rows, max(1, args.rows)), steps), 1):
        if args.json:
            print(json.dumps([asdict(text) for text in texts], ensure_ascii=False))
        else:
            print("\n".join(_lines(number, texts, coloured=sys.stdout.isatty())))
    return 0


def _lines(number: int, texts: list[ShownText], *, coloured: bool) -> Iterator[str]:
    """A row for people: the names of the steps, and beside them the text; what changed nothing is dimmed."""
    bold, dim, plain = ("\x1b[1m", "\x1b[2m", "\x1b[0m") if coloured else ("", "", "")
    yield f"{bold}{number}{plain}"
    names = [step.name for text in texts for step in text.steps]
    width = max(map(len, (*names, *(text.role for text in texts))), default=0)
    for text in texts:
        yield from _beside(f"{bold}{text.role:{width}}{plain}", width, text.text)
        for step in text.steps:
            style = "" if step.changed else dim
            yield from _beside(f"{style}{step.name:{width}}{plain if style else ''}", width,
                               step.text if step.changed else "=")
    yield ""


def _beside(name: str, width: int, text: str) -> Iterator[str]:
    room = WIDTH // 2 if is_chinese(text) else WIDTH
    lines = [piece for line in printable(text).splitlines() or [""]
             for piece in textwrap.wrap(line, room, drop_whitespace=False) or [""]]
    yield f"  {name}  {lines[0]}"
    yield from (f"  {'':{width}}  {line}" for line in lines[1:])


def printable(text: str) -> str:
    """Without the characters that would steer a terminal."""
    return "".join(c if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf") else "\ufffd" for c in text)
