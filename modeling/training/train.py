"""train(): data in, artifact out. The same call again goes on where a killed one stopped."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from modeling.artifact import WEIGHTS, Artifact
from modeling.configs import model_of
from modeling.datasets import Dataset, RowFile, read, read_to_file, split
from modeling.errors import ConfigError, DataError
from modeling.export import Storage, export, rounded_state_dict
from modeling.runs import file_hash, run_folder
from modeling.training.batches import watched
from modeling.training.card import model_card
from modeling.training.counting import count
from modeling.training.interruption import Interruption
from modeling.training.loop import REPORT_SECONDS, Event, Loop
from modeling.training.memory import keep_freed_memory
from modeling.training.objectives import Objective, Rows
from modeling.training.prepare import make_module, make_objective, read_parent, remember, write_whole
from modeling.training.processes import Processes
from modeling.training.trained import TrainedModel
from modeling.training.word_vectors import name_of_vectors, said_of_start

Splits = dict[str, Sequence[dict[str, Any]]]
LARGE = 64 * 2**20
"""Bytes of training data from which on rows and examples stay on disk."""
FREE = ("steps", "epochs", "threads", "checkpoint_seconds", "evaluations", "beam", "device", "compile")
"""Settings that a resumed run may be given anew."""
COMPARED = 1000
"""Test rows on which fp32 and rounded weights are compared."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What to train."""

    task: str
    """Name in TASKS."""
    model: str
    """A model of the task."""
    data: Sequence[Path]
    """Files of rows; validation and test splits are cut from them where none are given."""
    out: Path
    """Folder of the artifact; `out` with the suffix `.run` holds checkpoints until it is written."""
    validation: Sequence[Path] = ()
    """Files of the validation split."""
    test: Sequence[Path] = ()
    """Files of the test split."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings that differ from the defaults."""
    parent: Path | None = None
    """Artifact (or, where the model takes one, Hugging Face folder) to continue from."""
    columns: Mapping[str, str] | None = None
    """Role -> column."""
    seed: int = 0
    """Seed of splits, weights and order."""
    storage: Storage = "int8"
    """How the artifact keeps the weights."""
    about: str = ""
    """Markdown for the card: data, licence, attribution, limits."""
    recipe: str = ""
    """Name of the recipe, where it is one."""
    name: str = ""
    """Of the artifact, for people; empty takes that of `out`."""


def train(
    request: Request, *, on_event: Callable[[Event], None] = lambda event: None,
    interruption: Interruption | None = None,
) -> Artifact:
    """Train, evaluate on the test split, export.

    A file `stop` in the run's folder or beside it ends the training early, with the best weights; an `interruption`
    ends the process. Under torchrun several processes share the batches; the first one tells and writes. Raises
    DataError, ConfigError, ParityError, and then RunInterrupted.
    """
    model_of(request.task, request.model)
    with _memory_said():
        return _train(request, on_event, interruption or Interruption())


def try_out(
    request: Request, *, on_event: Callable[[Event], None] = lambda event: None,
    interruption: Interruption | None = None,
) -> None:
    """Learn as `train` does and leave it at that: no look at the test split, no artifact. Events tell how it went."""
    model_of(request.task, request.model)
    with _memory_said():
        folder = run_folder(request.out)
        folder.mkdir(parents=True, exist_ok=True)
        remember(folder, lineage_of(request))
        objective, splits, module, _ = prepare(request, folder)
        run_loop(request, objective, splits, module, folder, on_event, interruption or Interruption())
        shutil.rmtree(folder)


@contextmanager
def _memory_said() -> Iterator[None]:
    """A machine that is too small for a training is a fault that a person can mend."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise ConfigError("the memory of the GPU is not enough for this training",
                              remedy="Make batch_tokens or the model smaller, or train with device=cpu") from error
        if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
            raise ConfigError("the memory of this machine is not enough for this training",
                              remedy="Make the model or batch_tokens smaller") from error
        raise


def _train(request: Request, on_event: Callable[[Event], None], interruption: Interruption) -> Artifact:
    lineage = lineage_of(request)
    if done := finished(request.out, lineage):
        on_event({"event": "finished", "path": str(request.out)})
        return done
    folder, processes = run_folder(request.out), Processes.join(str(request.settings.get("device", "auto")))
    on_event = on_event if processes.first else lambda event: None
    keep_freed_memory()
    with processes.first_alone():
        folder.mkdir(parents=True, exist_ok=True)
        remember(folder, lineage)
        objective, splits, module, languages = prepare(request, folder)
    on_event({"event": "log", "text": ", ".join(f"{len(rows):,} {name} rows" for name, rows in splits.items())
              + f"; a vocabulary of {objective.tokenizer.vocabulary_size:,} tokens"
              + said_of_start(objective.tokenizer, objective.training)})
    module = run_loop(request, objective, splits, module, folder, on_event, interruption, processes)
    trained = objective.settled(module)
    if processes.first:
        artifact = _write(request, lineage, objective, splits, trained, languages, folder, on_event)
    processes.wait()
    return artifact if processes.first else Artifact.load(request.out)


def _write(
    request: Request, lineage: dict[str, Any], objective: Objective, splits: Splits, trained: nn.Module,
    languages: Sequence[str], folder: Path, on_event: Callable[[Event], None],
) -> Artifact:
    """Measure the trained module and export it."""
    objective.finish(trained, splits["validation"])
    on_event({"event": "measuring", "rows": len(splits["test"])})
    with watched(progress_of(len(splits["test"]), on_event)):
        figures = measured_once(objective, trained, splits["test"], request.storage, folder)
    on_event({"event": "measured", **figures})
    on_event({"event": "exporting"})
    settings, steps = asdict(objective.training), objective.tokenizer.pipeline.preprocessing.as_dict()
    del settings["preprocessing"]  # it is serving's business, and written down there
    settings["vectors"] = lineage["asked"].get("vectors", "")  # by its name, without a place of this machine
    facts = {"settings": settings, "rows": {name: len(rows) for name, rows in splits.items()}}
    result = TrainedModel(
        task=request.task, model=request.model, config=objective.config, module=trained, tokenizer=objective.tokenizer,
        labels=objective.labels or None, metrics=figures,
        preprocessing=objective.preprocessing() | ({"text": steps} if steps else {}),
        lineage=lineage | facts, card="", test_rows=splits["test"], languages=tuple(languages),
        defaults=objective.defaults(), source_tokenizer=objective.source_tokenizer,
    )
    name = request.name or request.out.name
    card = model_card(result, name=name, about=request.about, storage=request.storage)
    artifact = export(replace(result, card=card), request.out, storage=request.storage, name=name)
    shutil.rmtree(folder)
    on_event({"event": "finished", "path": str(request.out)})
    return artifact


def lineage_of(request: Request) -> dict[str, Any]:
    """What a run is about; two runs with the same lineage end with the same weights."""
    files = {kind: [{"name": path.name, "sha256": content_hash(path)} for path in paths]
             for kind, paths in (("data", request.data), ("validation", request.validation), ("test", request.test))}
    parent = parent_of(request.parent) if request.parent else None
    settings = {name: value for name, value in request.settings.items() if name not in FREE}
    if settings.get("vectors"):
        settings["vectors"] = name_of_vectors(settings["vectors"])
    facts: dict[str, Any] = json.loads(json.dumps({
        "task": request.task, "model": request.model, **files, "asked": settings, "parent": parent,
        "columns": dict(request.columns or {}), "seed": request.seed, "recipe": request.recipe,
    }))
    return facts


def parent_of(path: Path) -> dict[str, str]:
    """Name and hash of the weights to continue from; another card makes no other parent."""
    if not (path / "manifest.json").is_file():
        parts = [content_hash(file) for file in sorted(path.glob("*.safetensors"))]
        return {"name": path.name, "sha256": parts[0] if len(parts) == 1 else " ".join(parts)}
    artifact = Artifact.load(path)
    return {"name": artifact.name, "sha256": str(artifact.manifest["files"].get(WEIGHTS, {}).get("sha256"))}


def content_hash(path: Path) -> str:
    if not path.exists():
        raise DataError(f"there is no file {path.name}", remedy="Check the path")
    if path.is_file():
        return file_hash(path)
    return " ".join(file_hash(file) for file in sorted(path.iterdir()) if file.is_file())


def finished(out: Path, lineage: Mapping[str, Any]) -> Artifact | None:
    """The artifact at `out` if this very run made it; None where there is none."""
    if not (out / "manifest.json").is_file():
        return None
    artifact = Artifact.load(out)
    known = artifact.manifest.get("lineage", {})
    if any(known.get(name) != value for name, value in lineage.items()):
        raise ConfigError(f"{out} holds another artifact", remedy="Choose another --out or move it away")
    return artifact


def prepare(request: Request, folder: Path) -> tuple[Objective, Splits, nn.Module, list[str]]:
    """Rows, objective and fresh module."""
    dataset = read_data(request, folder)
    splits = split_rows(request, dataset.rows)
    if request.parent is None and model_of(request.task, request.model).parent == "must":
        raise ConfigError(f"{request.model} starts from trained weights", remedy="Name it with --from",
                          allowed="an artifact, or a Hugging Face folder")
    parent = read_parent(request.parent, request.task, request.model) if request.parent else None
    objective = make_objective(
        request.model, request.task, splits["train"], request.settings, folder=folder, parent=parent
    )
    if objective.training.threads:
        torch.set_num_threads(objective.training.threads)
    return objective, splits, make_module(objective, seed=request.seed, parent=parent), list(dataset.languages)


def read_data(request: Request, folder: Path) -> Dataset:
    """The rows: those of a large data set that comes in splits stay on disk, in the run's folder."""
    if not request.validation or not request.test or sum(map(bytes_of, request.data)) < LARGE:
        return read(request.data, task=request.task, columns=request.columns)
    return read_to_file(folder / "rows.jsonl", request.data, task=request.task, columns=request.columns)


def bytes_of(path: Path) -> int:
    return sum(file.stat().st_size for file in (path.iterdir() if path.is_dir() else [path]))


def split_rows(request: Request, rows: Sequence[dict[str, Any]]) -> Splits:
    """Rows by split; what no file gives is cut from `rows` by groups."""
    if isinstance(rows, RowFile):
        given = {name: read(getattr(request, name), task=request.task, columns=request.columns).rows
                 for name in ("validation", "test")}
        return {"train": rows, **given}
    settings = model_of(request.task, request.model).defaults(len(rows), 1) | dict(request.settings)
    splits: Splits = {**split(rows, task=request.task, seed=request.seed,
                              validation=0.0 if request.validation else settings.get("validation", 0.05),
                              test=0.0 if request.test else settings.get("test", 0.05))}
    for name in ("validation", "test"):
        if files := getattr(request, name):
            splits[name] = read(files, task=request.task, columns=request.columns).rows
    for name in ("train", "test"):
        if not splits[name]:
            raise DataError(f"no row is left for the {name} split of {len(rows)} rows", remedy="Give more rows")
    return splits


def run_loop(
    request: Request, objective: Objective, splits: Splits, module: nn.Module, folder: Path,
    on_event: Callable[[Event], None], interruption: Interruption, processes: Processes | None = None,
) -> nn.Module:
    if objective.counted:
        return count(objective, module, splits, on_event)
    loop = Loop(objective, module, splits["train"], splits["validation"], folder=folder, seed=request.seed,
                on_event=on_event, interruption=interruption, processes=processes)
    on_event({"event": "started", "steps": loop.steps, "precision": loop.precision, "device": loop.device.type,
              "examples": len(loop.examples), "parameters": sum(p.numel() for p in module.parameters()),
              "config": asdict(objective.config), "measure": objective.measure,
              "higher_is_better": objective.higher_is_better})
    return loop.run()


def progress_of(rows: int, on_event: Callable[[Event], None]) -> Callable[[float], None]:
    """Tells now and then of how many test rows a measuring is done; each pass over them counts anew."""
    told = time.monotonic()

    def tell(share: float) -> None:
        nonlocal told
        if time.monotonic() - told > REPORT_SECONDS:
            told = time.monotonic()
            on_event({"event": "measuring", "done": int(share * rows), "rows": rows})

    return tell


def measured_once(
    objective: Objective, module: nn.Module, rows: Rows, storage: Storage, folder: Path
) -> dict[str, Any]:
    """`measure`, kept in the run's folder: a kill during the export does not cost it."""
    state = hashlib.sha256(f"{storage} {objective.training.beam}".encode())
    for tensor in module.state_dict().values():
        state.update(tensor.numpy().tobytes())
    path, weights = folder / "figures.json", state.hexdigest()
    if path.exists() and (kept := json.loads(path.read_text()))["weights"] == weights:
        return dict(kept["figures"])
    figures = measure(objective, module, rows, storage)
    write_whole(path, json.dumps({"weights": weights, "figures": figures}))
    return figures


def measure(objective: Objective, module: nn.Module, rows: Rows, storage: Storage) -> dict[str, Any]:
    """Figures of the weights as they are stored; under "rounding", what that cost on some of the rows."""
    exact = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    some = rows[:COMPARED]
    before = {} if storage == "fp32" else objective.evaluate(module, some)
    module.load_state_dict(rounded_state_dict(exact, storage))
    figures = objective.evaluate(module, rows)
    after = figures if len(rows) <= COMPARED or not before else objective.evaluate(module, some)
    module.load_state_dict(exact)
    return figures | rounding_cost(before, after, storage, len(some)) if before else figures


def rounding_cost(
    before: Mapping[str, Any], after: Mapping[str, Any], storage: str, rows: int
) -> dict[str, dict[str, Any]]:
    """The single figures of fp32 weights and of rounded ones on the same rows."""
    single = [name for name, value in before.items() if isinstance(value, float)]
    return {"rounding": {"rows": rows, "fp32": {name: before[name] for name in single},
                         storage: {name: after[name] for name in single}}}  # fmt: skip
