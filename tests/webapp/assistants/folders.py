"""Small artifact folders that need no model: a summariser has no graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modeling.artifact import write_artifact


def write(folder: Path, *, task: str, model: str = "lexrank", labels: str = "", **manifest: Any) -> Path:
    """An artifact folder that loads."""
    files = {"labels.json": labels.encode()} if labels else {}
    write_artifact(folder, manifest={
        "name": folder.name, "task": task, "model": model, "config": {}, "preprocessing": {}, "graphs": [],
        "storage": None, "parity": {}, "created": "2026-01-01T00:00:00+00:00", "languages": ["en"], "lineage": {},
        "defaults": {}} | manifest, files=files)
    return folder
