"""What an assistant says about itself before anybody has written a word: name, welcome, examples from its own data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from modeling.artifact import Artifact as ArtifactFolder
from modeling.errors import ArtifactError
from modeling.tasks import TASKS
from webapp.assistants.models import Visibility
from webapp.assistants.services import Profile
from webapp.assistants.starters import INTRODUCTIONS
from webapp.training.models import Artifact

LOOKED_AT = 500  # rows of the test split among which examples are chosen
EXAMPLES = 3
SHORTEST = 4  # characters; below, an example says nothing
BEGINNING = 24  # characters of a text that a generator carries on
LABELS_NAMED = 8
WELCOMES = {  # of a model that is published; what it knows about itself comes in
    "classification": gettext_noop("Paste a text; it is sorted into one of %(count)s classes."),
    "translation": gettext_noop("Paste a text and read its translation."),
    "summarisation": gettext_noop("Paste a text. The sentences that say most are picked out, word for word."),
    "question-answering": gettext_noop("Ask a question. The answer is copied word for word from a document, and you "
                                       "see the passage."),
    "generation": gettext_noop("Begin a text with a few words; it is carried on."),
}


def proposal(artifact: Artifact) -> Profile:
    """What the publish form is filled with."""
    folder = _folder(artifact)
    with translation.override("en"):
        english = _welcome(artifact.task, folder)
    with translation.override("zh-hans"):
        chinese = _welcome(artifact.task, folder)
    return Profile(
        name_en=artifact.name[:80], name_zh="", welcome_en=english, welcome_zh=chinese, examples=suggested(artifact),
        defaults=folder.defaults if folder else {}, visibility=str(Visibility.MEMBERS), position=100, published=True,
    )


def _folder(artifact: Artifact) -> ArtifactFolder | None:
    try:
        return ArtifactFolder.load(artifact.folder, verify=False)
    except ArtifactError:
        return None


def _welcome(task: str, folder: ArtifactFolder | None) -> str:
    labels = (folder.labels if folder else None) or []
    if task == "classification" and 0 < len(labels) <= LABELS_NAMED:
        return _("Paste a text; it is sorted into one of these: %(labels)s.") % {"labels": _(", ").join(labels)}
    return _(WELCOMES[task]) % {"count": len(labels)}


def suggested(artifact: Artifact) -> list[dict[str, Any]]:
    """Three short inputs out of the test split that the model was measured on; a starter's own; or none."""
    if artifact.origin == "starter" and artifact.folder.name in INTRODUCTIONS:
        return list(INTRODUCTIONS[artifact.folder.name].examples)
    run = getattr(artifact, "run", None)
    rows = list(islice(_rows(run.version.split("test")), LOOKED_AT)) if run else []
    found = {example["text"]: (group, example) for group, example in map(_example_of(artifact.task), rows)
             if len(example["text"]) >= SHORTEST}
    return _varied(sorted(found.values(), key=lambda one: len(one[1]["text"])))


def _rows(path: Any) -> Iterator[dict[str, Any]]:
    if path.is_file():
        with path.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def _example_of(task: str) -> Any:
    """Makes of a row its example, and the group that it stands for: a class, a direction."""

    def example(row: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        text = str(row.get(TASKS[task].asked, "")).strip()
        if task == "generation":
            return "", {"text": text.splitlines()[0][:BEGINNING].strip() if text else ""}
        if task == "translation":
            direction = f"{row['source_language']}-{row['target_language']}"
            return direction, {"text": text, "options": {"direction": direction}}
        return str(row.get("label", "")), {"text": text}

    return example


def _varied(found: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """The first of each group, then the next ones: examples should not all have the same answer."""
    ranks: dict[str, int] = {}
    ranked = []
    for place, (group, example) in enumerate(found):
        ranks[group] = ranks.get(group, 0) + 1
        ranked.append((ranks[group], place, example))
    return [example for _rank, _place, example in sorted(ranked, key=lambda one: one[:2])[:EXAMPLES]]
