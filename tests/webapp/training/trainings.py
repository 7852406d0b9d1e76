"""People, small checked data, and a trainer that is stepped until something holds."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from typing import Any

from webapp.accounts.models import Role, User
from webapp.datasets.models import Dataset, DatasetVersion, VersionState
from webapp.jobs.models import Job, JobState
from webapp.jobs.trainer import Trainer

SMALL = {"epochs": "2", "vocabulary_size": "300", "embedding": "8", "hidden": "8", "evaluations": "2",
         "batch_tokens": "256"}
WORDS = {"ham": "see you at home later tonight mum dinner", "spam": "win a free prize call now cash urgent"}


def rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Short messages that a small network can tell apart."""
    chance = random.Random(seed)
    return [{"text": " ".join(chance.choices(WORDS[label].split(), k=6)), "label": label}
            for label in chance.choices(list(WORDS), k=count)]


def make_version(owner: User, *, name: str = "Messages", task: str = "classification",
                 splits: dict[str, list[dict[str, Any]]] | None = None) -> DatasetVersion:
    """A version as modeling.datasets.build leaves it."""
    parts = splits or {"train": rows(120), "validation": rows(30, 1), "test": rows(30, 2)}
    dataset = Dataset.objects.create(owner=owner, name=name, task=task)
    version = DatasetVersion.objects.create(dataset=dataset, number=1, state=VersionState.READY, report={
        "done": True, "rows": sum(map(len, parts.values())), "characters": 40 * sum(map(len, parts.values())),
        "splits": {part: len(found) for part, found in parts.items()}, "languages": [{"code": "en", "share": 1.0}]})
    version.folder.mkdir(parents=True)
    for part, found in parts.items():
        version.split(part).write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf-8")
    return version


def person(name: str, role: Role = Role.TRAINER) -> User:
    return User.objects.create_user(name, password="a long pass phrase", role=role)


def steps_until(worker: Trainer, holds: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {list(Job.objects.values())}"
        worker.step()
        time.sleep(0.02)


def settled(kind: str = "training") -> Callable[[], bool]:
    """Whether the newest job of a kind has come to an end."""
    final = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)
    return lambda: Job.objects.filter(kind=kind, state__in=final).exists()
