"""What the train form stands on: job, data, model and start, each with a default that follows from the others."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

from django.conf import settings as site

from modeling.artifact import Artifact as ArtifactFolder
from modeling.configs import MODELS, TRAINABLE, Estimate, Option, estimate, model_of, options, read_settings
from modeling.errors import ArtifactError
from webapp.datasets.models import DatasetVersion
from webapp.datasets.presentation import lacks_summaries as without_summaries
from webapp.training.models import STEP, Artifact, RunEvent, TrainingRun
from webapp.vectors.models import WordVectors

READER = "squad-reader"  # what a reader continues from where nothing else is chosen
GO_ON = ("question-answering", "translation")  # a classifier's classes are its own, and so is the manner of a writer
SHARE = 0.5  # of the texts: a starter that knows the languages of more than these suits the data
LIKE = 2  # times: networks whose sizes differ by less are about as fast
RUNS, STEPS, ENOUGH = 5, 20, 3  # newest runs that are looked at, last figures of each, and how many figures tell enough
TASKS_TO_TRAIN = [task for task, models in TRAINABLE.items() if models]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The upper half of the form. `parent` is "", "artifact:ID" or "folder:NAME"; `usual` are the model and the parent
    that would stand there if nobody had chosen."""

    task: str
    version: DatasetVersion | None
    model: str
    parent: str
    usual: tuple[str, str]

    @property
    def artifact(self) -> Artifact | None:
        """The artifact to continue from."""
        kind, _, name = self.parent.partition(":")
        return Artifact.objects.filter(pk=name).first() if kind == "artifact" else None

    @property
    def base(self) -> str:
        """The folder of foreign weights to continue from."""
        kind, _, name = self.parent.partition(":")
        return name if kind == "folder" else ""

    def options(self) -> list[Option]:
        """Every setting, with its default for these data."""
        rows, characters = size_of(self.version)
        return options(self.task, self.model, rows=rows, characters=characters, continued=bool(self.parent),
                       preprocessed=self.artifact is not None)

    def estimate(self, given: Mapping[str, str]) -> Estimate:
        """What it will cost with these settings, by the speed of like trainings on this machine. Raises ConfigError."""
        rows, characters = size_of(self.version)
        parent = self.artifact
        cost = partial(estimate, self.task, self.model, read_settings(self.task, self.model, given), rows=rows,
                       characters=characters, languages=languages_of(self.version),
                       parent=own_fields(parent.folder_config) if parent else None)
        first = cost()
        speed = measured_speed(self.task, self.model, first.parameters)
        return cost(speed=speed) if speed else first


def choose(user: Any, given: Mapping[str, Any]) -> Choice:
    """What `given` says, as far as it fits together and this user may use it; defaults for the rest."""
    versions = versions_for(user)
    version = found(versions, given.get("version"))
    parent = found(Artifact.objects.visible_to(user), str(given.get("parent", "")).removeprefix("artifact:"))
    task = str(given.get("task", ""))
    if task not in TASKS_TO_TRAIN:
        newest = version or (versions.filter(dataset__task=parent.task) if parent else versions).first()
        task = parent.task if parent else newest.dataset.task if newest else TASKS_TO_TRAIN[0]
    if version is None or version.dataset.task != task:
        version = versions.filter(dataset__task=task).first()
    models = TRAINABLE[task]
    asked = str(given.get("model", ""))
    first = parent.model if parent and parent.task == task and parent.model in models else usual_model(
        user, task, version)
    model = asked if asked in models else first
    starts = [value for value, _label in starts_for(user, task, model)]
    usual = usual_start(user, task, model, version)
    start = str(given.get("parent", usual))
    start = f"artifact:{start}" if f"artifact:{start}" in starts else start
    return Choice(task=task, version=version, model=model, parent=start if start in starts else usual,
                  usual=(first, usual))


def usual_model(user: Any, task: str, version: DatasetVersion | None) -> str:
    """What to begin with: the starter that suits the data, or the model that makes most of so much text."""
    if starter := suited_starter(user, task, version):
        return starter.model
    _rows, characters = size_of(version)
    known = {name: entry.first_from for name, entry in MODELS[task].items()
             if entry.first_from is not None and entry.first_from <= characters and not lacks_summaries(version, name)
             and (entry.parent != "must" or base_names())}
    return max(known, key=lambda name: known[name])  # of equal ones the first


def usual_start(user: Any, task: str, model: str, version: DatasetVersion | None) -> str:
    """The starter that suits the data, new weights, or what is there where it has to be trained ones."""
    starter = suited_starter(user, task, version)
    if starter and starter.model == model:
        return f"artifact:{starter.pk}"
    starts = [value for value, _label in starts_for(user, task, model)]
    return next((one for one in starts if not one.startswith("artifact:")), starts[0] if starts else "")


def suited_starter(user: Any, task: str, version: DatasetVersion | None) -> Artifact | None:
    """The starter that knows the languages of these data, for a job whose starters others can go on from."""
    if task not in GO_ON:
        return None
    starters = Artifact.objects.visible_to(user).filter(task=task, origin="starter", model__in=TRAINABLE[task])
    found = version.report.get("languages", []) if version else []
    return next((one for one in starters if not found or _share(found, _known_to(one)) > SHARE), None)


def versions_for(user: Any, task: str = "") -> Any:
    """The versions that this user can train on, the newest first."""
    known = DatasetVersion.objects.visible_to(user).ready().filter(dataset__task__in=TASKS_TO_TRAIN)
    known = known.filter(dataset__task=task) if task else known
    return known.select_related("dataset").order_by("-created")


def starts_for(user: Any, task: str, model: str) -> list[tuple[str, str]]:
    """What a training can start from, the default first: new weights, or trained ones where it has to be those."""
    entry = model_of(task, model)
    if entry.parent == "never":
        return [("", "")]
    artifacts = list(Artifact.objects.visible_to(user).filter(task=task, model=model))
    artifacts.sort(key=lambda one: one.folder.name != READER)
    known = [(f"artifact:{one.pk}", one.name) for one in artifacts]
    return [*([("", "")] if entry.parent == "may" else []), *known,
            *((f"folder:{name}", name) for name in (base_names() if entry.folder else ()))]


def base_names() -> list[str]:
    """Hugging Face folders that the site offers."""
    folder = site.MODELS_FOLDER
    if not folder or not folder.is_dir():
        return []
    return sorted(one.name for one in folder.iterdir() if any(one.glob("*.safetensors")))


def vectors_for(user: Any) -> list[tuple[str, str]]:
    """Word vectors that a training can start from: id and name, random ones first."""
    known = WordVectors.objects.visible_to(user).ready()
    return [("", ""), *((str(one.pk), f"{one.name} ({one.dimensions})") for one in known)]


def size_of(version: DatasetVersion | None) -> tuple[int, int]:
    """Rows of the train split, and characters in their texts."""
    report = version.report if version else {}
    train, rows = int(report.get("splits", {}).get("train", 0)), int(report.get("rows", 0))
    return max(1, train), max(1, round(int(report.get("characters", 0)) * train / max(1, rows)))


def lacks_summaries(version: DatasetVersion | None, model: str) -> bool:
    """Whether a model that learns to write summaries would find none in these data."""
    return (version is not None and without_summaries(version.report)
            and not model_of(version.dataset.task, model).on_vectors)


def languages_of(version: DatasetVersion | None) -> list[str]:
    """The codes of the languages that its texts are in."""
    report = version.report if version else {}
    return [str(one.get("code")) for one in report.get("languages", [])]


def _share(found: Sequence[Mapping[str, Any]], known: set[str]) -> float:
    return sum(float(one.get("share", 0)) for one in found if one.get("code") in known)


def _known_to(starter: Artifact) -> set[str]:
    try:
        return set(ArtifactFolder.load(starter.folder, verify=False).languages)
    except ArtifactError:
        return set()


def measured_speed(task: str, model: str, parameters: int) -> float | None:
    """Tokens a second of the newest runs of this model and about this size; None where there are too few figures."""
    alike = TrainingRun.objects.filter(task=task, model=model, facts__parameters__gte=parameters / LIKE,
                                       facts__parameters__lte=parameters * LIKE)
    speeds: list[float] = []
    for run in alike[:RUNS]:
        newest = RunEvent.objects.filter(run=run, kind=STEP).order_by("-step").values_list("data", flat=True)
        speeds += [data["tokens_per_second"] for data in newest[:STEPS] if data.get("tokens_per_second")]
    return float(median(speeds)) if len(speeds) >= ENOUGH else None


def own_fields(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration from a manifest as the dataclasses take it: lists there are tuples here."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in config.items()}


def found(rows: Any, pk: Any) -> Any:
    """The row with this id, or None for one that is not there or no id at all."""
    try:
        return rows.filter(pk=uuid.UUID(str(pk))).first()
    except ValueError:
        return None
