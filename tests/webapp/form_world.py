"""The small site of `world`, with what forms need beside it: assistants and checked data for each job."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from tests.webapp.assistants.folders import write
from tests.webapp.training.trainings import make_version
from tests.webapp.world import World, make_world
from webapp.assistants import services as assistants
from webapp.assistants.models import Assistant, Visibility
from webapp.chat.models import Feedback
from webapp.datasets.models import DatasetVersion, Upload
from webapp.sharing import services as sharing
from webapp.sharing.models import ShareLink
from webapp.training.models import Artifact
from webapp.training.services import register_artifact

MODELS = {"classification": "lstm", "translation": "transformer", "generation": "decoder", "question-answering": "bert"}
STARTERS = settings.ROOT / "modeling" / "starters"


@dataclass(kw_only=True)
class FormWorld(World):
    """What is tess's, and what is theo's."""

    artifacts: dict[str, Artifact]
    assistants: dict[str, Assistant]
    versions: dict[str, DatasetVersion]
    pairs: DatasetVersion
    locked: ShareLink
    locked_token: str
    foreign: list[str]
    """Names of things that are there, but another person's, or of another kind."""

    @property
    def mine(self) -> list[Assistant]:
        return [self.assistant, *self.assistants.values()]


def make_form_world() -> FormWorld:
    world = make_world()
    tess, theo = world.users["tess"], world.users["theo"]
    Feedback.objects.filter(pk=world.feedback.pk).delete()
    world.feedback = Feedback.objects.create(pk=1, message=world.answer, good=False, correction="secret of mia")
    artifacts = {task: _artifact(task, tess) for task in ("summarisation", *MODELS)}
    register_artifact(path=STARTERS / "squad-reader", owner=None, origin="starter", verify=False)
    locked = sharing.make_link(owner=tess, assistant=world.assistant, terms=sharing.Terms(note="locked of tess"),
                               password="open sesame")
    theirs = make_version(theo, name="of theo")
    sent = Upload.objects.create(owner=theo, name="theirs.csv", bytes=4, received=4)
    foreign = [theirs.pk, theirs.dataset.pk, sent.pk, _artifact("classification", theo).pk,
               _assistant(_artifact("classification", theo), theo).pk, world.users["theo"].pk]
    return FormWorld(
        **vars(world), artifacts=artifacts, locked=locked, locked_token=sharing.token_of(locked),
        assistants={task: _assistant(artifact, tess) for task, artifact in artifacts.items()},
        versions={task: make_version(tess, name=f"{task} of tess", task=task)
                  for task in ("summarisation", *MODELS)},
        pairs=_pairs(tess), foreign=[str(pk) for pk in foreign])


def _artifact(task: str, owner: Any) -> Artifact:
    config = {"directions": ["en-fr", "fr-en"]} if task == "translation" else {}
    folder = write(Path(settings.HOME) / "artifacts" / str(uuid.uuid4()), task=task,
                   model=MODELS.get(task, "lexrank"), config=config)
    return Artifact.objects.create(owner=owner, name=f"{task} of {owner}", task=task, path=str(folder),
                                   model="lexrank", origin="training")


def _assistant(artifact: Artifact, owner: Any) -> Assistant:
    return assistants.publish(owner=owner, artifact=artifact, name_en=artifact.name, name_zh="", welcome_en="",
                              welcome_zh="", examples=[], defaults={}, visibility=Visibility.PRIVATE, position=1,
                              published=True)


def _pairs(owner: Any) -> DatasetVersion:
    version = make_version(owner, name="pairs of tess", task="translation")
    columns = [{"name": name, "role": role, "filled": 1.0, "distinct": 9, "examples": ["a"]}
               for name, role in (("a", "source"), ("b", "target"))]
    from tests.webapp.world import report  # noqa: PLC0415

    version.report = report() | {"task": "translation", "columns": columns, "roles": {"source": "a", "target": "b"}}
    version.save()
    return version
