"""`unpack ZIP --out DIR`: an artifact out of a zip that nobody vouches for."""

from __future__ import annotations

import argparse
from pathlib import Path

from modeling.artifact import unpack
from modeling.artifact.archive import MAX_BYTES, MAX_FILES
from modeling.cli.progress import tell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("zip", type=Path, metavar="ZIP", help="a packed artifact")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of the artifact")
    parser.add_argument("--max-bytes", type=int, default=MAX_BYTES, metavar="N", help=f"unpacked ({MAX_BYTES:,})")
    parser.add_argument("--max-files", type=int, default=MAX_FILES, metavar="N", help=f"in it ({MAX_FILES})")


def run(args: argparse.Namespace) -> int:
    found = unpack(args.zip, args.out, max_bytes=args.max_bytes, max_files=args.max_files)
    tell({"result": {"path": str(found.path), "name": found.name, "task": found.task, "model": found.model,
                     "digest": found.digest, "bytes": found.bytes}})
    return 0
