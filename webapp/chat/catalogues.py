"""Translations without a system gettext: locale/*/LC_MESSAGES/*.po to .mo."""

from __future__ import annotations

import os
from pathlib import Path

import polib


def compile_catalogues(folder: Path) -> list[Path]:
    """Compile what is newer than its .mo, each in one step, so that a running site never reads half a file."""
    compiled = []
    for source in sorted(folder.glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        polib.pofile(str(source), encoding="utf-8").save_as_mofile(str(draft))
        draft.replace(target)
        compiled.append(target)
    return compiled
