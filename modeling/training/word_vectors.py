"""A training that starts from word vectors: which tokens they know, and whether these stay as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from modeling.configs import NetworkConfig, TrainingConfig
from modeling.embeddings import Vectors, load_vectors
from modeling.errors import ConfigError
from modeling.text import Tokenizer

TABLES = ("embedding.weight", "word.weight")
"""Names of the table of tokens in a network's state; its first rows are the vocabulary's."""

SIZES = ("embedding", "width", "dimensions")
"""Fields of configurations that are the size of a token's vector."""


def follow_size(config: type[NetworkConfig], vectors: Vectors, given: Mapping[str, Any]) -> dict[str, int]:
    """The field of the configuration that has to be as large as the vectors. Raises ConfigError where it is not."""
    known = {field.name for field in fields(config)}
    name = next((name for name in SIZES if name in known), "")
    if not name:
        raise ConfigError("this model has no table of words to start from vectors", field="vectors")
    if given.get(name, vectors.dimensions) != vectors.dimensions:
        raise ConfigError(f"{name} is {given[name]}, and the word vectors have {vectors.dimensions} dimensions",
                          allowed=f"Leave {name} out; it follows the vectors", field=name)
    return {name: vectors.dimensions}


def known_tokens(tokenizer: Tokenizer, training: TrainingConfig, vectors: Vectors) -> dict[int, int]:
    """Token -> place of its word in the vectors. Of pieces of words only those count that are whole words."""
    found = {}
    for index in range(tokenizer.vocabulary_size):
        word = _word(tokenizer.token(index), training.tokenizer)
        place = vectors.find(word) if word else None
        if place is not None:
            found[index] = place
    return found


def _word(token: str, kind: str) -> str:
    """The word that a token is; "" for a piece. A word takes the space before it along; Chinese has none."""
    if kind != "bpe":
        return token
    return token[1:] if token.startswith(" ") else "" if token.isascii() else token


@torch.no_grad()
def start_from_vectors(module: nn.Module, tokenizer: Tokenizer, training: TrainingConfig) -> dict[str, Tensor]:
    """Give known tokens the vectors' rows, as long as fresh rows are on the average.

    With `freeze_vectors` returns what is to stay: the table's name -> its rows as bool [V].
    """
    vectors = load_vectors(training.vectors)
    table = next((name for name in TABLES if name in dict(module.named_parameters())), "")
    if not table:
        raise ConfigError("this model has no table of words to start from vectors", field="vectors")
    weights, places = module.get_parameter(table), known_tokens(tokenizer, training, vectors)
    tokens = torch.tensor(list(places), dtype=torch.int64)
    rows = torch.from_numpy(vectors.matrix[list(places.values())].copy())  # (N, D)
    if len(tokens):
        weights[tokens] = rows * (weights.norm(dim=1).mean() / rows.norm(dim=1).mean().clamp_min(1e-12))
    if not training.freeze_vectors:
        return {}
    fixed = torch.zeros(len(weights), dtype=torch.bool)
    fixed[tokens] = True
    return {table: fixed}


def said_of_start(tokenizer: Tokenizer, training: TrainingConfig) -> str:
    """How many tokens start from vectors, for the log; "" where none do."""
    if not training.vectors:
        return ""
    found = len(known_tokens(tokenizer, training, load_vectors(training.vectors)))
    kept = ", which stay as they are" if training.freeze_vectors else ""
    return f"; {found:,} tokens start from word vectors{kept}"


def name_of_vectors(path: str) -> str:
    """Which vectors these are, without their place on this machine. Raises DataError."""
    vectors, manifest = load_vectors(path), Path(path) / "vectors.json"
    mark = hashlib.sha256(manifest.read_bytes()).hexdigest()[:16] if manifest.is_file() else Path(path).name
    return f"{len(vectors)} words, {vectors.dimensions} dimensions, {mark}"
