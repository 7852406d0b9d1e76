"""`pack ARTIFACT --out ZIP`: an artifact as one file."""

from __future__ import annotations

import argparse
from pathlib import Path

from modeling.artifact import pack
from modeling.cli.progress import tell
from modeling.cli.starters import found_artifact


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("artifact", metavar="ARTIFACT", help="folder of an artifact, or the name of a starter")
    parser.add_argument("--out", required=True, type=Path, metavar="ZIP", help="the file to write")


def run(args: argparse.Namespace) -> int:
    path = pack(found_artifact(args.artifact), args.out)
    tell({"result": {"path": str(path), "bytes": path.stat().st_size}})
    return 0
