"""English and Chinese, both directions in one small transformer (Vaswani et al. 2017), from Tatoeba's sentences."""

from __future__ import annotations

from pathlib import Path

from opencc import OpenCC

from modeling.recipes.pairs import read_pairs, split_pairs
from modeling.recipes.recipe import Files, Recipe

ABOUT = """## Data

31,001 sentence pairs of [Tatoeba](https://tatoeba.org), English and Chinese, **CC BY 2.0 FR**: thanks to the people
who wrote and translated them. Traditional characters were converted to simplified ones with OpenCC. About 1,000 English
sentences with all their translations are the test split, 400 more the validation split; pairs that share a sentence
with them, directly or through others, are left out of training. The weights continue from those of en-fr, which read
161,932 English and French pairs of Tatoeba, under the same licence.

## Use and limits

A small model from few sentences, to show what thirty thousand pairs can do: short everyday sentences come out
understandable, longer ones and rare words often do not. It writes simplified characters. Check what matters."""


def prepare(data: Path, folder: Path) -> Files:
    simplified = OpenCC("t2s").convert
    pairs = read_pairs(data / "tatoeba" / "en-zh.tsv", "en", "zh", mend=simplified)
    return split_pairs(pairs, folder, test=1000, validation=400)


RECIPE = Recipe(
    title="Tatoeba en-zh and zh-en",
    task="translation",
    model="transformer",
    prepare=prepare,
    settings={"directions": "en-zh,zh-en", "retokenise": "true", "vocabulary_size": "8000", "dropout": "0.1",
              "epochs": "8", "batch_tokens": "4000", "optimizer": "muon", "learning_rate": "1.5e-3",
              "validation": "0.0", "test": "0.0"},
    expected={"directions/en-zh/bleu": 35.9, "directions/zh-en/bleu": 36.0},
    about=ABOUT,
    needs_parent="the artifact of en-fr",
)
