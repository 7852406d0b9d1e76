"""The models in memory: loaded at their first request, the longest idle one unloaded when there are too many."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from modeling.artifact import MANIFEST, Artifact
from modeling.errors import ArtifactError, EngineBusyError, RequestError
from modeling.inference.answering import AnsweringScheduler
from modeling.inference.classification import ClassificationScheduler
from modeling.inference.generation import GenerationScheduler
from modeling.inference.graphs import device_of_this_machine
from modeling.inference.latent import LatentScheduler
from modeling.inference.scheduler import Scheduler
from modeling.inference.summarisation import summarisation_scheduler
from modeling.inference.translation import TranslationScheduler

SCHEDULERS: dict[str, Callable[..., Scheduler[Any, Any, Any]]] = {  # each takes artifact, threads, device, slots ...
    "question-answering": AnsweringScheduler,
    "translation": TranslationScheduler,
    "summarisation": summarisation_scheduler,
    "classification": ClassificationScheduler,
    "generation": GenerationScheduler,
}
SLOTS: dict[str, int] = {  # rows (translation: sentences; summaries: parts) that run at once
    "question-answering": 8, "translation": 16, "summarisation": 8, "classification": 32, "generation": 32,
}


def scheduler_of(artifact: Artifact) -> Callable[..., Scheduler[Any, Any, Any]]:
    """The kind of scheduler that serves it; a language model with an encoder writes from latent numbers."""
    if artifact.task == "generation" and any(entry["role"] == "encoder" for entry in artifact.graphs):
        return LatentScheduler
    return SCHEDULERS[artifact.task]


class Model:
    """An artifact with its scheduler."""

    def __init__(self, artifact: Artifact, version: int, scheduler: Scheduler[Any, Any, Any]) -> None:
        self.artifact, self.version, self.scheduler = artifact, version, scheduler
        self.users = 0  # threads that are about to add a job

    @property
    def idle(self) -> bool:
        return self.users == 0 and self.scheduler.idle

    def stats(self) -> dict[str, Any]:
        return {"artifact": str(self.artifact.path), "name": self.artifact.name, "task": self.artifact.task,
                **self.scheduler.stats()}  # fmt: skip


class Models:
    """Safe between threads; loading one model holds up nobody but those who want the same."""

    def __init__(self, *, threads: int, roots: Sequence[Path] | None, max_models: int, max_waiting: int,
                 device: str | None) -> None:  # fmt: skip
        self.threads, self.max_models, self.max_waiting = threads, max_models, max_waiting
        self.roots = None if roots is None else [root.resolve() for root in roots]
        self.device = device or device_of_this_machine()
        self._models: list[Model] = []  # the one used last is the last
        self._lock = threading.Lock()
        self._loading: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)

    def all(self) -> list[Model]:
        with self._lock:
            return self._models.copy()

    def drop(self, model: Model) -> None:
        """Forget a model; the next request loads it again."""
        with self._lock:
            self._models = [kept for kept in self._models if kept is not model]

    @contextmanager
    def using(self, path: Path) -> Iterator[Model]:
        """The model of an artifact folder, loaded if need be and not unloaded meanwhile."""
        path = self.allowed(path)
        try:
            version = (path / MANIFEST).stat().st_mtime_ns
        except OSError:
            raise RequestError(f"There is no model in {path}", remedy="Choose another assistant") from None
        with self._loading[path]:
            model = self._use(path, version) or self._load(path, version)
        try:
            yield model
        finally:
            with self._lock:
                model.users -= 1

    def allowed(self, path: Path) -> Path:
        """The path without links. Raises RequestError when it leads out of the roots."""
        path = path.resolve()
        if self.roots is not None and not any(path.is_relative_to(root) for root in self.roots):
            raise RequestError(f"{path.name} is not in a folder that this engine serves",
                               remedy="Name the folder with --roots")
        return path

    def _use(self, path: Path, version: int) -> Model | None:
        with self._lock:
            for model in self._models:
                if (model.artifact.path, model.version) == (path, version):
                    self._models.remove(model)
                    self._models.append(model)
                    model.users += 1
                    return model
        return None

    def _load(self, path: Path, version: int) -> Model:
        artifact = Artifact.load(path)
        if artifact.task not in SCHEDULERS:
            raise ArtifactError(f"{artifact.name} is for {artifact.task}", allowed=f"Known are {', '.join(SCHEDULERS)}")
        self._make_room(path)
        scheduler = scheduler_of(artifact)(artifact, threads=self.threads, device=self.device,
                                           slots=SLOTS[artifact.task], max_waiting=self.max_waiting)
        model = Model(artifact, version, scheduler)
        with self._lock:
            model.users += 1
            self._models.append(model)
        return model

    def _make_room(self, path: Path) -> None:
        """Unload old versions of this artifact, and the model that was idle longest when there are too many."""
        with self._lock:
            self._models = [model for model in self._models if model.artifact.path != path or not model.idle]
            if len(self._models) < self.max_models:
                return
            idle = [model for model in self._models if model.idle]
            if not idle:
                raise EngineBusyError(f"{len(self._models)} models are at work", retry_after=10.0,
                                      allowed=f"{self.max_models} fit into memory")
            self._models.remove(idle[0])
