"""From data files, settings and perhaps a parent to what the loop needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from modeling.artifact import Artifact
from modeling.configs import (
    KEPT_WEIGHTS,
    NetworkConfig,
    TrainingConfig,
    characters_of,
    model_of,
    split_settings,
)
from modeling.datasets import RowFile
from modeling.embeddings import load_vectors
from modeling.errors import ConfigError
from modeling.models import NETWORKS
from modeling.text import Preprocessing, Tokenizer
from modeling.training.memory import require_memory
from modeling.training.objectives import OBJECTIVES, Objective, Rows
from modeling.training.word_vectors import follow_size, start_from_vectors

EMBEDDING = "embedding.weight"
TOKENIZER_CHARACTERS = 10**8
"""Of data on disk a tokenizer sees so much, evenly spread."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parent:
    """A trained model to continue from."""

    name: str
    config: dict[str, Any]
    tokenizer: Tokenizer
    weights: dict[str, Tensor]
    labels: list[str]
    preprocessing: Preprocessing | None = None
    """What was done to the texts that it has learnt from; None where nobody knows."""
    served: dict[str, Any] = field(default_factory=dict)
    """What serving does to a text, as its own objective wrote it down."""
    source_tokenizer: Tokenizer | None = None
    """Of sources that have a vocabulary of their own."""


def make_objective(
    model: str, task: str, rows: Rows, given: Mapping[str, Any], *, folder: Path, parent: Parent | None
) -> Objective:
    """Settle configuration, labels and tokenizer; the tokenizer is kept in `folder`, so that a resumed run has it."""
    kind, entry = OBJECTIVES[task][model], model_of(task, model)
    characters = sum(map(characters_of, rows))
    settings = entry.defaults(len(rows), characters) | dict(given)
    model_settings, training_settings = split_settings(task, model, settings)
    training = with_settled_steps(TrainingConfig(**training_settings), parent)
    if entry.on_vectors and not training.vectors:
        raise ConfigError("this model is made on word vectors, and none are named", field="vectors",
                          remedy="Name a folder of them with vectors=FOLDER; the LexRank that comes with Parley needs "
                                 "none")
    labels = kind.labels_from_rows(rows)
    if parent and training.vectors:
        raise ConfigError(f"{parent.name} has vectors of its own", remedy="Leave vectors out, or begin anew",
                          field="vectors")
    if parent:
        model_settings = inherited(parent, entry.config, model_settings, given)
    elif training.vectors:
        model_settings |= follow_size(entry.config, load_vectors(training.vectors), given)
    shown = rows[:: -(-characters // TOKENIZER_CHARACTERS)] if isinstance(rows, RowFile) else rows
    whole, sources = kind.vocabularies(shown, model_settings)
    tokenizer = make_tokenizer(kind, whole, model_settings, training, path=folder / "tokenizer.json",
                               known=parent.tokenizer if parent else None)
    derived = kind.config_from_rows(rows, model_settings) | {"vocabulary_size": tokenizer.vocabulary_size}
    own = sources and make_tokenizer(kind, sources, model_settings, training, path=folder / "source_tokenizer.json",
                                     known=parent.source_tokenizer if parent else None)
    if own:
        derived["source_vocabulary_size"] = own.vocabulary_size
    made = kind(tokenizer, entry.config(**(model_settings | derived)), training, labels)
    made.source_tokenizer = own or None
    made.weigh(rows)
    if parent:
        made.inherit(parent.served)
    return made


def with_settled_steps(training: TrainingConfig, parent: Parent | None) -> TrainingConfig:
    """The training with the preprocessing that it will have: what was asked, or what its parent's weights know."""
    asked = training.preprocessing.frozen()
    if parent and parent.preprocessing is not None and not training.retokenise:
        if asked not in (Preprocessing(), parent.preprocessing):
            raise ConfigError(f"{parent.name} has learnt from texts that were preprocessed in another way",
                              remedy="Leave the preprocessing out, or set retokenise=true", field="retokenise")
        asked = parent.preprocessing
    return replace(training, preprocessing=asked)


def inherited(
    parent: Parent, config: type[NetworkConfig], settings: dict[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """The parent's configuration with those fields changed that no weight depends on."""
    own = {f.name for f in fields(config)}
    free = KEPT_WEIGHTS | ({"vocabulary_size"} if given.get("retokenise") else set())
    if fixed := sorted((set(given) & own) - free):
        raise ConfigError(f"{fixed[0]} cannot change when a training continues from {parent.name}",
                          allowed=f"of the model's settings {', '.join(sorted(free & own))} can", field=fixed[0])
    kept = {name: value for name, value in parent.config.items() if name in own - {"directions"}}
    return settings | kept | {name: settings[name] for name in free & set(settings) & (set(given) | {"dropout"})}


def make_tokenizer(
    kind: type[Objective], rows: Rows, settings: dict[str, Any], training: TrainingConfig, *, path: Path,
    known: Tokenizer | None,
) -> Tokenizer:
    """The one at `path`: made on the first start, or the parent's."""
    if not path.exists():
        size = settings.get("vocabulary_size", 8000)
        tokenizer = (None if training.retokenise else known) or kind.make_tokenizer(rows, size, training)
        draft = path.with_suffix(".new")
        tokenizer.save(draft)
        draft.rename(path)
    return Tokenizer.load(path, training.preprocessing)


def make_module(objective: Objective, *, seed: int, parent: Parent | None) -> nn.Module:
    """A fresh network, seeded, with the parent's weights where they fit: a new set of labels gets a new head."""
    require_memory(lambda: objective.adapted(objective.module()))
    torch.manual_seed(seed)
    module = objective.module()
    if parent:
        own = module.state_dict()
        same_labels = not objective.labels or objective.labels == parent.labels
        weights = parent.weights
        if objective.training.retokenise:
            weights = weights | {EMBEDDING: shared_vectors(own[EMBEDDING], parent, objective.tokenizer)}
        module.load_state_dict(own | {
            name: tensor for name, tensor in weights.items()
            if name in own and own[name].shape == tensor.shape and (same_labels or not name.startswith("head."))
        })
    elif objective.training.vectors:
        objective.fixed_rows = start_from_vectors(module, objective.tokenizer, objective.training)
    return objective.adapted(module)


def shared_vectors(fresh: Tensor, parent: Parent, tokenizer: Tokenizer) -> Tensor:
    """Fresh embeddings (V, D) with the parent's vectors for the tokens that both vocabularies have."""
    vectors = fresh.clone()
    for index in range(tokenizer.vocabulary_size):
        known = parent.tokenizer.token_id(tokenizer.token(index))
        if known is not None:
            vectors[index] = parent.weights[EMBEDDING][known]
    return vectors


def remember(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write what the run is about on its first start; refuse to go on with another one in the same folder."""
    path = folder / "run.json"
    if path.exists():
        known = json.loads(path.read_text())
        for name in sorted(set(known) | set(facts)):
            if known.get(name) != facts.get(name):
                raise ConfigError(f"{folder} holds a training with {name} {known.get(name)!r}, not {facts.get(name)!r}",
                                  remedy="Use another --out, or give the same settings as before")
        return
    write_whole(path, json.dumps(facts, ensure_ascii=False, indent=1))


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    draft = path.with_suffix(".new")
    draft.write_text(text)
    draft.rename(path)


def read_parent(path: Path, task: str, model: str) -> Parent:
    """An artifact, or where the model takes one a Hugging Face folder."""
    entry = model_of(task, model)
    if entry.parent == "never":
        raise ConfigError(f"a {model} cannot continue from {path.name}", remedy="Leave --from out: it is counted anew")
    if entry.folder and not (path / "manifest.json").is_file():
        kind, tokenizer = cast(Any, NETWORKS[entry.config]), Tokenizer.load(path)
        module, served = kind.from_folder(path), getattr(kind, "served", None)
        return Parent(name=path.name, config=asdict(module.config), tokenizer=tokenizer, weights=module.state_dict(),
                      labels=[], served=served(path, tokenizer) if served else {})
    artifact = Artifact.load(path)
    if (artifact.task, artifact.model) != (task, model):
        raise ConfigError(f"{path.name} is a {artifact.model} for {artifact.task}, not a {model} for {task}",
                          remedy="Continue from one of its kind")
    weights = {name: torch.from_numpy(array.copy()) for name, array in artifact.state_dict().items()}
    own = artifact.source_tokenizer if artifact.config.get("source_vocabulary_size") else None
    return Parent(name=path.name, config=artifact.config, tokenizer=artifact.tokenizer, weights=weights,
                  source_tokenizer=own, labels=list(artifact.labels or []), served=artifact.preprocessing,
                  preprocessing=artifact.tokenizer.pipeline.preprocessing)
