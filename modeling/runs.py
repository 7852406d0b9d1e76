"""The folder of a run that is not finished: how it is asked to end, and how another attempt takes over from it.

Without torch: whoever starts trainings works with these folders too.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from pathlib import Path

CHECKPOINTS = "checkpoint"
STOP = "stop"
KEPT_FILES = ("run.json", "tokenizer.json", "figures.json")
RESUME = 75
"""Exit status of a training that was told to end and saved where it stood: start it again to go on."""


class RunInterrupted(BaseException):  # noqa: N818  like KeyboardInterrupt: no error, and nobody's to swallow
    """The process was told to end; a checkpoint is written."""


def run_folder(out: Path) -> Path:
    """Where a training keeps its checkpoints until the artifact `out` is written."""
    return out.with_name(f"{out.name}.run")


def stop_asked(folder: Path) -> bool:
    """Whether somebody put a file `stop` into the run's folder, or beside it: end early with the best weights."""
    return (folder / STOP).exists() or (folder.parent / STOP).exists()


def carry_over(old: Path, new: Path) -> int | None:
    """Let the run folder `new` go on from the newest checkpoint in `old` that verifies; returns its step.

    Nothing is ever written into `old`, whose own process may still be at work: its files are linked, or copied where
    they cannot be, and only then checked. None where there is no such checkpoint; a tokenizer comes along even so.
    """
    if not old.is_dir():
        return None
    new.mkdir(parents=True, exist_ok=True)
    for name in KEPT_FILES:
        if (old / name).is_file():
            draft = new / f".{name}.{secrets.token_hex(4)}"
            shutil.copyfile(old / name, draft)
            draft.replace(new / name)
    if stop_asked(old):
        (new / STOP).touch()
    for checkpoint in newest_first(old / CHECKPOINTS):
        if _taken(checkpoint, new / CHECKPOINTS):
            return int(checkpoint.name.removeprefix("step-"))
    return None


def _taken(checkpoint: Path, folder: Path) -> bool:
    """Whether a checkpoint is now in `folder` too, whole: the other process may be removing it just now."""
    folder.mkdir(exist_ok=True)
    draft = folder / f".{checkpoint.name}.{secrets.token_hex(4)}"
    try:
        shutil.copytree(checkpoint, draft, copy_function=_link)
        if not verified(draft):
            return False
        if not (folder / checkpoint.name).exists():
            draft.rename(folder / checkpoint.name)
        sync(folder)
        return True
    except (OSError, shutil.Error):
        return False
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)


def newest_first(folder: Path) -> list[Path]:
    """The checkpoints in a folder, whole or not."""
    return sorted(folder.glob("step-*"), reverse=True)


def verified(checkpoint: Path) -> bool:
    """Whether all files of a checkpoint are as its manifest says."""
    try:
        hashes = json.loads((checkpoint / "manifest.json").read_text())["sha256"]
        return bool(hashes) and all(file_hash(checkpoint / name) == value for name, value in hashes.items())
    except (OSError, ValueError, KeyError):
        return False


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Flush a file or folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
