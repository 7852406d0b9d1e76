"""Writes to assistants."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

from asgiref.sync import async_to_sync
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from modeling.artifact import Artifact as ArtifactFolder
from modeling.datasets import document_text
from modeling.errors import DataError, RequestError
from modeling.retrieval import PassageIndex
from webapp.accounts.models import User
from webapp.assistants.documents import checked, discard, index, keep
from webapp.assistants.models import Assistant, AssistantDocument, AssistantVersion, Visibility
from webapp.assistants.starters import introduction
from webapp.training.models import Artifact
from webapp.training.services import register_artifact
from webapp.wording import spoken

MOST_DOCUMENTS = 100  # of one assistant; each question searches all of them
SLUG = 40  # characters of a name that become its address


class Profile(TypedDict, total=False):
    """What the owner of an assistant says about it."""

    name_en: str
    name_zh: str
    welcome_en: str
    welcome_zh: str
    examples: Sequence[dict[str, Any]]  # {"text", "text_zh"?, "options"?}
    defaults: dict[str, Any]  # fields of SamplingParams
    visibility: str
    position: int
    published: bool


@transaction.atomic
def publish(*, owner: User | None, artifact: Artifact, slug: str = "", **profile: Unpack[Profile]) -> Assistant:
    """A new assistant that answers with this artifact; its address is made from `slug` or else its name.

    Raises RequestError where the artifact's files are gone.
    """
    name = profile.get("name_en") or artifact.name
    assistant = Assistant(owner=owner, task=artifact.task, slug=free_slug(slug or name))
    _fill(assistant, {**profile, "name_en": name})
    assistant.artifact = artifact.path
    assistant.save(force_insert=True)
    promote(assistant=assistant, artifact=artifact, by=owner)
    return assistant


@transaction.atomic
def change(*, assistant: Assistant, **profile: Unpack[Profile]) -> Assistant:
    """Other texts, defaults or another visibility. Its address stays."""
    _fill(assistant, profile)
    assistant.save()
    return assistant


def _fill(assistant: Assistant, profile: Profile) -> None:
    for name, value in profile.items():
        setattr(assistant, name, value)
    assistant.examples = list(assistant.examples)


@transaction.atomic
def promote(*, assistant: Assistant, artifact: Artifact, by: User | None) -> AssistantVersion:
    """Answer with this artifact from the next question on. Answers that are being written keep the one they began with.

    Raises RequestError for an artifact of another task or without files.
    """
    _require_fit(assistant, artifact)
    Assistant.objects.select_for_update().get(pk=assistant.pk)  # one number at a time
    version = assistant.versions.filter(artifact=artifact).first()
    if version is None:
        last = assistant.versions.aggregate(Max("number"))["number__max"] or 0
        version = AssistantVersion(assistant=assistant, artifact=artifact, number=last + 1)
    version.promoted, version.promoted_by = timezone.now(), by
    version.save()
    follow(assistant=assistant, artifact=artifact)
    return version


def _require_fit(assistant: Assistant, artifact: Artifact) -> None:
    if artifact.task != assistant.task:
        raise RequestError(_("“%(name)s” does another job") % {"name": artifact.name},
                           remedy=_("Publish it as an assistant of its own"))
    if not Path(artifact.path, "manifest.json").is_file():
        raise RequestError(_("The files of “%(name)s” are gone") % {"name": artifact.name},
                           remedy=_("Choose another artifact"))


def follow(*, assistant: Assistant, artifact: Artifact) -> None:
    """Take over where the artifact lies and what follows from its folder."""
    config = artifact.folder_config
    assistant.artifact = artifact.path
    assistant.directions = list(config.get("directions", [])) if artifact.task == "translation" else []
    assistant.save(update_fields=["artifact", "directions"])


@transaction.atomic
def roll_back(*, assistant: Assistant, by: User | None) -> AssistantVersion:
    """Answer again with the version before the current one. Raises RequestError where there is none."""
    versions = list(assistant.versions.select_related("artifact")[:2])
    if len(versions) < 2:
        raise RequestError(_("There is no version to go back to"))
    return promote(assistant=assistant, artifact=versions[1].artifact, by=by)


def add_document(*, assistant: Assistant, file: UploadedFile) -> AssistantDocument:
    """Read a file, and answer from it too. Raises RequestError, and DataError where it has no text to find."""
    name = checked(file)
    if assistant.task != "question-answering":
        raise RequestError(_("This assistant does not read documents"), remedy=_("Choose one that answers questions"))
    if assistant.files.count() >= MOST_DOCUMENTS:
        raise RequestError(_("This assistant has as many documents as it can hold"),
                           allowed=_("At most %(count)s are allowed") % {"count": MOST_DOCUMENTS},
                           remedy=_("Remove one first"))
    document = AssistantDocument(assistant=assistant, name=name, bytes=file.size or 0)
    keep(document, file)
    reading = async_to_sync(index)(document)
    if reading.fault:
        discard(document)
        raise DataError(_("“%(name)s”: %(fault)s") % {"name": name, "fault": spoken(reading.fault)})
    document.passages = reading.facts.get("passages", reading.facts.get("questions", 0))
    with transaction.atomic():
        _set_documents(assistant, [*_documents(assistant), str(document.index)])
        document.save(force_insert=True)
    return document


@transaction.atomic
def remove_document(*, assistant: Assistant, index: str) -> None:
    """Answer no longer from the document with this index folder; an uploaded file is deleted."""
    _set_documents(assistant, [path for path in _documents(assistant) if path != index])
    for document in assistant.files.all():
        if str(document.index) == index:
            document.delete()


def _documents(assistant: Assistant) -> list[str]:
    """Its indexes as they stand, for a change of them."""
    found: list[str] = Assistant.objects.select_for_update().get(pk=assistant.pk).documents
    return found


def _set_documents(assistant: Assistant, indexes: list[str]) -> None:
    assistant.documents = indexes
    assistant.save(update_fields=["documents"])


@transaction.atomic
def delete(*, assistant: Assistant) -> None:
    """Delete it with its conversations, links and documents. Raises RequestError for one that came with Parley."""
    if assistant.shipped:
        raise RequestError(_("This assistant came with Parley"), remedy=_("Hide it instead"))
    assistant.delete()


@transaction.atomic
def register_starter(*, folder: Path, indexes: Path) -> Assistant:
    """Make or renew the assistant of a shipped artifact. What an admin wrote, and what an admin promoted, stays.

    A reader gets an index of the documents that ship; it lies below `indexes`. Raises ArtifactError.
    """
    artifact = _starter_artifact(folder)
    reads = artifact.task == "question-answering"
    documents = _shipped_documents(folder.parent / "documents", indexes) if reads else []
    assistant = _starter_assistant(artifact, folder.name)
    if assistant is None:
        intro = introduction(folder.name)
        assistant = publish(
            owner=None, artifact=artifact, name_en=intro.name_en, name_zh=intro.name_zh, welcome_en=intro.welcome_en,
            welcome_zh=intro.welcome_zh, examples=intro.examples, position=intro.position,
            defaults=ArtifactFolder.load(folder, verify=False).defaults, visibility=Visibility.SITE, slug=folder.name)
        _set_documents(assistant, documents)
    elif assistant.current is None:
        promote(assistant=assistant, artifact=artifact, by=None)
    elif assistant.current.artifact == artifact:
        follow(assistant=assistant, artifact=artifact)
    return assistant


def _starter_artifact(folder: Path) -> Artifact:
    """Its row, found again where the installation has moved."""
    moved = Artifact.objects.filter(origin="starter", name=folder.name).exclude(path=str(folder)).first()
    if moved is not None and not moved.folder.is_dir() and not Artifact.objects.filter(path=str(folder)).exists():
        Artifact.objects.filter(pk=moved.pk).update(path=str(folder))
    return register_artifact(path=folder, owner=None, origin="starter", name=folder.name, verify=False)


def _starter_assistant(artifact: Artifact, slug: str) -> Assistant | None:
    """Its assistant; one from before there were versions is known by its address."""
    known = Assistant.objects.filter(owner=None)
    return known.filter(versions__artifact=artifact).order_by("pk").first() or known.filter(
        slug=slug, versions=None).first()


def _shipped_documents(folder: Path, indexes: Path) -> list[str]:
    """The index of the documents in `folder`, built anew when one of them is newer."""
    files = sorted(file for file in folder.glob("*.md") if file.name.lower() not in ("readme.md", "card.md"))
    target = indexes / "starters"
    if not files:
        return []
    newest: Any = max(file.stat().st_mtime for file in files)
    if not target.exists() or target.stat().st_mtime < newest:
        PassageIndex.build((file.stem, *document_text(file)) for file in files).save(target)
    return [str(target)]


def hide_missing(*, folder: Path) -> int:
    """Take assistants of `folder` out of the picker whose artifact is gone. Their conversations stay."""
    gone = [one.pk for one in Assistant.objects.filter(artifact__startswith=f"{folder}/") if not one.available]
    return Assistant.objects.filter(pk__in=gone).update(published=False)


def free_slug(name: str) -> str:
    """An address that no assistant has, made from a name; a short random one where the name has no Latin letters."""
    base = slugify(name)[:SLUG].strip("-") or f"a-{secrets.token_hex(4)}"
    taken = set(Assistant.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(slug for slug in (base, *(f"{base}-{n}" for n in range(2, len(taken) + 3))) if slug not in taken)
