"""A small site with people of every role, and a thing of each kind that belongs to one of them.

What is tess's says "of tess"; what mia and a visitor wrote says "secret of".
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.test import Client
from django.utils import timezone

from modeling.embeddings import Vectors, save_vectors
from tests.webapp.assistants.folders import write
from webapp.accounts import services as accounts
from webapp.accounts.models import Invitation, User
from webapp.assistants.models import Assistant, AssistantDocument, AssistantVersion
from webapp.chat.models import ASSISTANT, USER, Conversation, Document, Feedback, Message
from webapp.datasets.models import Dataset, DatasetVersion, Upload
from webapp.experiments.models import Search, Trial
from webapp.jobs.models import Job
from webapp.sharing import services as sharing
from webapp.sharing.models import ShareLink
from webapp.training.labelling import file_of
from webapp.training.models import Artifact, TrainingRun
from webapp.vectors import services as vectors
from webapp.vectors.models import WordVectors

PEOPLE = {"ada": "admin", "tess": "trainer", "theo": "trainer", "mia": "member", "max": "member"}
ANONYMOUS, LINK_VISITOR = "anonymous", "link visitor"
ACTORS = (ANONYMOUS, LINK_VISITOR, *PEOPLE)
OWNER, OTHER_TRAINER = "tess", "theo"  # what can be owned by a trainer is tess's; conversations are mia's


@dataclass(kw_only=True)
class World:
    """The people's browsers, and what there is."""

    browsers: dict[str, Client]
    users: dict[str, User]
    invitation: Invitation
    invitation_token: str
    dataset: Dataset
    version: DatasetVersion
    upload: Upload
    vectors: WordVectors
    job: Job
    run: TrainingRun
    artifact: Artifact
    labelled: Job
    search: Search
    assistant: Assistant
    assistant_document: AssistantDocument
    translator: Assistant
    link: ShareLink
    link_token: str
    conversation: Conversation
    answer: Message
    document: Document
    link_conversation: Conversation
    link_answer: Message
    feedback: Feedback


def make_world() -> World:
    """In the tests' database, with files in the home of the settings."""
    users = {name: User.objects.create_user(name, password="long enough", role=role) for name, role in PEOPLE.items()}
    tess = users[OWNER]
    invitation, token = accounts.invite(by=users["ada"], role="member", expires=timezone.now() + timedelta(days=1))
    things = _trained(tess)
    things |= _published(tess, things["artifact"]) | {"vectors": small_vectors(tess, "words of tess")}
    link = sharing.make_link(owner=tess, assistant=things["assistant"], terms=sharing.Terms(note="friends of tess"))
    browsers = _browsers(users, sharing.token_of(link))
    return World(
        browsers=browsers, users=users, invitation=invitation, invitation_token=token, link=link,
        link_token=sharing.token_of(link), **things,
        **_said(users["mia"], things["assistant"]),
        **_said_by_link(browsers[LINK_VISITOR], link),
    )


def _trained(owner: User) -> dict[str, Any]:
    dataset = Dataset.objects.create(owner=owner, name="tickets of tess", task="summarisation",
                                     sources=[{"name": "a.csv", "bytes": 4, "file": "0"}])
    version = DatasetVersion.objects.create(dataset=dataset, number=1, state="ready", report=report())
    version.folder.mkdir(parents=True)
    for name in ("train", "validation", "test"):
        version.split(name).write_text('{"text": "a", "summary": "b"}\n')
    (version.folder / "problems.jsonl").write_text("")
    (dataset.folder / "source").mkdir()
    (dataset.folder / "source" / "0").write_text("a,b\n")
    job = Job.objects.create(kind="training", owner=owner, title="tickets of tess", state="running", attempt=1,
                             leased_until=timezone.now() + timedelta(hours=1))
    run = TrainingRun.objects.create(owner=owner, name="first of tess", version=version, task="summarisation",
                                     model="lexrank", job=job)
    folder = write(Path(settings.HOME) / "artifacts" / str(uuid.uuid4()), task="summarisation")
    artifact = Artifact.objects.create(owner=owner, name="short of tess", task="summarisation", model="lexrank",
                                       origin="training", path=str(folder))
    TrainingRun.objects.create(owner=owner, name="second of tess", version=version, task="summarisation",
                               model="lexrank", artifact=artifact)
    labelled = Job.objects.create(kind="label", owner=owner, title="file of tess", state="done", result={
        "name": "file of tess.csv", "rows": 1, "labels": {"of tess": 1}}, arguments={"artifact": str(artifact.pk)})
    file_of(labelled).parent.mkdir(parents=True)
    file_of(labelled).write_text("text,predicted\na,of tess\n")
    upload = Upload.objects.create(owner=owner, name="csv of tess", bytes=10)
    upload.path.parent.mkdir(parents=True, exist_ok=True)
    upload.path.write_bytes(b"")
    search = Search.objects.create(owner=owner, name="rates of tess", version=version, task="classification",
                                   model="lstm", space={"learning_rate": "0.001..0.1:log"})
    Trial.objects.create(search=search, number=0, settings={"learning_rate": "0.01"}, state="complete", value=0.5,
                         curve=[[1, 0.5]])
    return {"dataset": dataset, "version": version, "job": job, "run": run, "artifact": artifact, "upload": upload,
            "search": search, "labelled": labelled}


def small_vectors(owner: User, name: str) -> WordVectors:
    """Five words in a folder, taken in."""
    row = WordVectors.objects.create(owner=owner, name=name, method="glove")
    table = {"king": (3, 1, 0), "queen": (3, -1, 0), "man": (0, 1, 0.1), "woman": (0, -1, 0.1), "apples": (0, 0, 2)}
    save_vectors(Vectors(list(table), np.array(list(table.values()), np.float32)), row.folder)
    vectors.take_in(vectors=row)
    return row


def report() -> dict[str, Any]:
    """A dataset's report with the least in it."""
    return {"done": True, "task": "summarisation", "format": "csv", "encoding": "utf-8", "files": [], "named": True,
            "columns": [], "roles": {}, "seen": 1, "rows": 1, "errors": 0, "warnings": 0, "problems": [],
            "languages": [], "lengths": [], "labels": [], "label_count": 0,
            "duplicates": {"rows": 0, "examples": []}, "conflicts": {"inputs": 0, "rows": 0, "examples": []},
            "leakage": {"rows": 0, "examples": []}, "cuts": [], "splits": {"train": 1, "validation": 1, "test": 1},
            "preview": [], "characters": 1, "bytes": 4, "seconds": 0.1, "bytes_per_second": 40}


def _published(owner: User, artifact: Artifact) -> dict[str, Any]:
    assistant = Assistant.objects.create(slug="short", name_en="Short", task="summarisation", owner=owner,
                                         artifact=artifact.path, visibility="private")
    AssistantVersion.objects.create(assistant=assistant, artifact=artifact, number=1, promoted_by=owner)
    document = AssistantDocument.objects.create(assistant=assistant, name="plan.md", bytes=4)
    translator = Assistant.objects.create(slug="fr", name_en="French", task="translation", owner=owner,
                                          artifact=artifact.path, visibility="private",
                                          defaults={"glossary": [["fox of tess", "renard"]]})
    return {"assistant": assistant, "assistant_document": document, "translator": translator}


def _said(owner: User, assistant: Assistant) -> dict[str, Any]:
    conversation = Conversation.objects.create(assistant=assistant, owner=owner, title="secret of mia")
    answer = _exchange(conversation, "secret of mia")
    document = Document.objects.create(conversation=conversation, name="mia.md", bytes=4)
    feedback = Feedback.objects.create(message=answer, good=False, correction="secret of mia")
    return {"conversation": conversation, "answer": answer, "document": document, "feedback": feedback}


def _said_by_link(browser: Client, link: ShareLink) -> dict[str, Any]:
    from webapp.chat.link_visitors import at_page  # noqa: PLC0415 - the name that the visitor has at this link

    request = type("Request", (), {"session": browser.session, "user": User()})()
    conversation = Conversation.objects.create(assistant=link.assistant, link=link,
                                               session=at_page(request, link).token, title="secret of a visitor")
    return {"link_conversation": conversation, "link_answer": _exchange(conversation, "secret of a visitor")}


def _exchange(conversation: Conversation, text: str) -> Message:
    Message.objects.create(conversation=conversation, role=USER, text=text)
    return Message.objects.create(conversation=conversation, role=ASSISTANT, text=text)


def _browsers(users: dict[str, User], token: str) -> dict[str, Client]:
    browsers = {name: Client(raise_request_exception=False) for name in ACTORS}
    for name, user in users.items():
        browsers[name].force_login(user)
    for browser in browsers.values():
        browser.get("/")
    browsers[LINK_VISITOR].get(f"/s/{token}/")
    return browsers
