"""Plays, character by character: the small benchmark of nanoGPT (Karpathy 2022), whose CPU recipe gives 1.88."""

from __future__ import annotations

from pathlib import Path

from modeling.recipes.recipe import Files, Recipe, write_rows

ABOUT = """## Data

tinyshakespeare: 40,000 lines of Shakespeare's plays, public domain. The first nine tenths train, the last tenth
validates and tests, as in nanoGPT.

## Use and limits

It spells words of its own accord and imitates the layout of a play; it makes no sense for longer than a line."""


def prepare(data: Path, folder: Path) -> Files:
    text = (data / "tinyshakespeare" / "input.txt").read_text(encoding="utf-8")
    cut = len(text) * 9 // 10
    for name, part in (("train", text[:cut]), ("test", text[cut:])):
        write_rows(folder / f"{name}.jsonl", [{"text": part}])
    return Files(train=folder / "train.jsonl", validation=folder / "test.jsonl", test=folder / "test.jsonl")


RECIPE = Recipe(
    title="tinyshakespeare, characters",
    task="generation",
    model="decoder",
    prepare=prepare,
    settings={"tokenizer": "characters", "vocabulary_size": "200", "width": "256", "layers": "4", "heads": "4",
              "kv_heads": "4", "hidden": "704", "context": "192", "batch_tokens": "6000", "steps": "1000",
              "optimizer": "muon", "learning_rate": "3e-3", "dropout": "0.1", "decay": "0.6",
              "patience": "0"},
    expected={"loss": 1.47},
    about=ABOUT,
)
