"""Checkpoints that survive a kill at any moment: written aside, synced, renamed, verified before use."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from modeling.runs import file_hash, newest_first, sync, verified

KEPT = 2


def save_checkpoint(folder: Path, step: int, tensors: dict[str, Tensor], state: dict[str, Any]) -> Path:
    """Write `folder/step-XXXXXXXX` and drop all but the newest; `state` is JSON."""
    final = folder / f"step-{step:08d}"
    draft = folder / f".{final.name}.{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    save_file({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, draft / "tensors.safetensors")
    (draft / "state.json").write_text(json.dumps(state))
    hashes = {name: file_hash(draft / name) for name in ("tensors.safetensors", "state.json")}
    (draft / "manifest.json").write_text(json.dumps({"step": step, "sha256": hashes}))
    for name in (*hashes, "manifest.json"):
        sync(draft / name)
    sync(draft)
    shutil.rmtree(final, ignore_errors=True)
    draft.rename(final)
    sync(folder)
    for old in (*newest_first(folder)[KEPT:], *folder.glob(".step-*")):
        shutil.rmtree(old, ignore_errors=True)
    return final


def load_checkpoint(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Tensors and state of the newest checkpoint whose hashes are right; None where there is none."""
    for path in newest_first(folder):
        if verified(path):
            return load_file(path / "tensors.safetensors"), json.loads((path / "state.json").read_text())
    return None
