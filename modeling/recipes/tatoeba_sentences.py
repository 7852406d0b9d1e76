"""English sentences of Tatoeba as points: a variational autoencoder (Bowman et al. 2016)."""

from __future__ import annotations

import hashlib
from pathlib import Path

from modeling.recipes.recipe import Files, Recipe, write_rows

ABOUT = """## Data

The English sentences of Tatoeba's pairs with French and Chinese, each once, CC BY 2.0 FR, https://tatoeba.org. The
sentence's hash decides its split.

## Use and limits

Short everyday sentences. What it writes from a sentence says something alike, not the same; names and
numbers change."""
HELD_OUT = 2000


def sentences(data: Path) -> list[str]:
    """The distinct English sentences, in the order of their hashes; case does not count."""
    found: dict[str, str] = {}
    for name in ("en-fr.tsv", "en-zh.tsv"):
        for line in (data / "tatoeba" / name).read_text(encoding="utf-8").splitlines():
            if text := line.split("\t")[0].strip():
                found.setdefault(text.casefold(), text)
    return sorted(found.values(), key=lambda text: hashlib.sha256(text.casefold().encode()).digest())


def prepare(data: Path, folder: Path) -> Files:
    rows = [{"text": text} for text in sentences(data)]
    return Files(test=write_rows(folder / "test.jsonl", rows[:HELD_OUT]),
                 validation=write_rows(folder / "validation.jsonl", rows[HELD_OUT : 2 * HELD_OUT]),
                 train=write_rows(folder / "train.jsonl", rows[2 * HELD_OUT :]))


RECIPE = Recipe(
    title="English sentences as points",
    task="generation",
    model="vae",
    prepare=prepare,
    settings={"vocabulary_size": "4000", "embedding": "128", "hidden": "320", "latent": "32", "context": "40",
              "batch_tokens": "1536", "learning_rate": "3e-3", "epochs": "20", "precision": "bf16",
              "free_bits": "0.3", "autoencoding": "0.2", "annealing": "0.25", "word_dropout": "0.2", "dropout": "0.2"},
    expected={"negative_elbo": 31.69, "kl": 12.18, "active_units": 32.0},
    about=ABOUT,
)
