"""Spam or not: short messages with an LSTM (Hochreiter & Schmidhuber 1997), from the SMS Spam Collection."""

from __future__ import annotations

from pathlib import Path

from modeling.datasets import split
from modeling.recipes.recipe import Files, Recipe, write_rows
from modeling.text import folded

ABOUT = """## Data

4,515 English text messages of the SMS Spam Collection (Almeida, Gomez Hidalgo & Yamakami 2011), **CC BY 4.0**; 4,154
are left when messages that are the same but for case and blanks count once. A tenth of them is the test split.

In five folds over all of them this recipe gave an accuracy of 98.9 % and an F1 of spam of 95.6 %.

## Use and limits

It knows British and Singaporean messages of about 2005 to 2011: prize draws, ring tones, premium numbers. Today's spam,
e-mail and other languages look different. Do not delete anything on its word alone."""


def prepare(data: Path, folder: Path) -> Files:
    lines = (data / "sms_spam" / "sms.tsv").read_text(encoding="utf-8").splitlines()[1:]
    rows: dict[str, dict[str, str]] = {}
    for line in lines:
        label, text = line.split("\t", 1)
        rows.setdefault(folded(text), {"text": text, "label": label})
    splits = split(rows.values(), task="classification", seed=0, validation=0.05, test=0.1)
    return Files(**{name: write_rows(folder / f"{name}.jsonl", part) for name, part in splits.items()})


RECIPE = Recipe(
    title="SMS Spam Collection, LSTM",
    task="classification",
    model="lstm",
    prepare=prepare,
    settings={"bidirectional": "true", "dropout": "0.5", "embedding": "64", "hidden": "64", "vocabulary_size": "2000",
              "epochs": "12", "patience": "0", "evaluations": "12"},
    expected={"accuracy": 0.989, "f1/spam": 0.956},
    about=ABOUT,
)
