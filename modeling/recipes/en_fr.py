"""English and French, both directions in one small transformer (Vaswani et al. 2017), from Tatoeba's sentences."""

from __future__ import annotations

from pathlib import Path

from modeling.recipes.pairs import read_pairs, split_pairs
from modeling.recipes.recipe import Files, Recipe

ABOUT = """## Data

161,932 sentence pairs of [Tatoeba](https://tatoeba.org), English and French, **CC BY 2.0 FR**: thanks to the people
who wrote and translated them. About 1,500 English sentences with all their translations are the test split, 600 more
the validation split; pairs that share a sentence with them, directly or through others, are left out of training.

## Use and limits

For everyday sentences of up to some twenty words. Tatoeba's sentences are short and simple, so long sentences, names,
figures and special subjects come out worse, and a rare word may become a common, wrong one ("stitches" became
"pierres"); it knows no document beyond the sentence. It may repeat stereotypes of its sentences, for instance of
gender. Check what matters."""


def prepare(data: Path, folder: Path) -> Files:
    return split_pairs(read_pairs(data / "tatoeba" / "en-fr.tsv", "en", "fr"), folder, test=1500, validation=600)


RECIPE = Recipe(
    title="Tatoeba en-fr and fr-en",
    task="translation",
    model="transformer",
    prepare=prepare,
    settings={
        "batch_tokens": "5000", "steps": "2000", "decay": "0.45", "warmup": "0.03", "optimizer": "muon",
        "learning_rate": "2e-3", "shares": "1.0,0.55", "evaluations": "16", "validation": "0.0", "test": "0.0",
    },
    expected={"directions/en-fr/bleu": 54.3, "directions/fr-en/bleu": 55.9},
    about=ABOUT,
)
