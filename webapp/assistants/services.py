"""Writes to assistants."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.db import transaction

from modeling.datasets import document_text
from modeling.retrieval import PassageIndex
from webapp.assistants.models import Assistant
from webapp.assistants.starters import introduction


@transaction.atomic
def register_starter(*, folder: Path, indexes: Path) -> Assistant:
    """Make or renew the assistant of a shipped artifact. What an admin changed in its texts stays.

    A reader gets an index of the documents that ship; it lies below `indexes`.
    """
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    intro, task = introduction(folder.name), manifest["task"]
    kept = {
        "task": task, "artifact": str(folder), "defaults": manifest.get("defaults", {}),
        "directions": list(manifest.get("config", {}).get("directions", [])) if task == "translation" else [],
        "documents": _documents(folder.parent / "documents", indexes) if task == "question-answering" else [],
    }
    assistant, _made = Assistant.objects.update_or_create(slug=folder.name, defaults=kept, create_defaults=kept | {
        "name_en": intro.name_en, "name_zh": intro.name_zh, "welcome_en": intro.welcome_en,
        "welcome_zh": intro.welcome_zh, "examples": list(intro.examples), "position": intro.position,
    })
    return assistant


def hide_missing(*, folder: Path) -> int:
    """Take assistants of `folder` out of the picker whose artifact is gone. Their conversations stay."""
    gone = [one.pk for one in Assistant.objects.filter(artifact__startswith=f"{folder}/") if not one.available]
    return Assistant.objects.filter(pk__in=gone).update(published=False)


def _documents(folder: Path, indexes: Path) -> list[str]:
    """The index of the documents in `folder`, built anew when one of them is newer."""
    files = sorted(file for file in folder.glob("*.md") if file.name.lower() not in ("readme.md", "card.md"))
    target = indexes / "starters"
    if not files:
        return []
    newest: Any = max(file.stat().st_mtime for file in files)
    if not target.exists() or target.stat().st_mtime < newest:
        PassageIndex.build((file.stem, *document_text(file)) for file in files).save(target)
    return [str(target)]
