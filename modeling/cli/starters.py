"""`starters`: the artifacts that ship with Parley."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import modeling
from modeling.artifact import MANIFEST, Artifact
from modeling.cli.inspect import readable_size

HELP = "list the assistants that ship, with their tasks and figures"
FOLDER = Path(modeling.__file__).parent / "starters"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON list of objects")


def run(args: argparse.Namespace) -> int:
    found = starters()
    if args.json:
        print(json.dumps(found, ensure_ascii=False))
        return 0
    width = max((len(starter["name"]) for starter in found), default=0)
    for starter in found:
        size = readable_size(starter["bytes"])
        print(f"{starter['name']:{width}}  {starter['task']:18}  {size:>8}  {starter['path']}")
    return 0


def starters(folder: Path = FOLDER) -> list[dict[str, Any]]:
    """name, task, path, bytes and metrics of each artifact below `folder`. Raises ArtifactError for a broken one."""
    artifacts = [Artifact.load(path.parent, verify=False) for path in sorted(folder.glob(f"*/{MANIFEST}"))]
    return [{"name": artifact.path.name, "task": artifact.task, "path": str(artifact.path), "bytes": artifact.bytes,
             "metrics": artifact.metrics} for artifact in artifacts]


def found_artifact(name: str) -> Path:
    """A folder, or the starter of this name."""
    return FOLDER / name if not Path(name).exists() and (FOLDER / name).is_dir() else Path(name)
