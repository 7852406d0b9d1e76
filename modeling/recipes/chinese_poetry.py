"""Chinese poems: a small decoder over characters, from the Tang's poems and the Song's lyrics."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

from opencc import OpenCC

from modeling.datasets import split
from modeling.recipes.recipe import Files, Recipe, write_rows

ABOUT = """## Data

[chinese-poetry](https://github.com/chinese-poetry/chinese-poetry), **MIT**: 57,607 poems of the Tang, converted to
simplified characters with OpenCC, and 21,050 lyrics of the Song, as far as they have at most 160 characters and none
that is very rare. A poem is its title, a line break, then its lines; every fourth stands without its title. One poem in
fifty is the test split.

## Use and limits

Give it a first line, or a title and a line break; it goes on in the manner of the old poems: lines of five or seven
characters, often parallel, seldom with a thought that lasts through the poem. It can repeat known lines word for word,
and knows no other kind of text."""

NOTE = re.compile(r"[（(〖][^）)〗]*[）)〗]?")
"""An editor's note."""
LONGEST = 160
"""Characters of a poem."""
RAREST = 6
"""Times that each of its characters stands in all poems together."""


def prepare(data: Path, folder: Path) -> Files:
    simplified = OpenCC("t2s").convert
    poems = [simplified(poem) for poem in read_poems(data / "chinese_poetry" / "tang.jsonl")]
    poems += read_poems(data / "chinese_poetry" / "ci_song.jsonl")
    counts = Counter("".join(poems))
    # A poem with a very rare character is left out rather than learnt with a hole in it.
    whole = [poem for poem in dict.fromkeys(poems) if "□" not in poem and min(counts[c] for c in poem) >= RAREST]
    rows = [{"text": poem.rpartition("\n")[2] if index % 4 == 3 else poem} for index, poem in enumerate(whole)]
    splits = split(rows, task="generation", seed=0, validation=0.02, test=0.02)
    return Files(**{name: write_rows(folder / f"{name}.jsonl", part) for name, part in splits.items()})


def read_poems(path: Path) -> list[str]:
    """Title, line break, body of each poem that is short enough."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        poem = json.loads(line)
        body = NOTE.sub("", "".join(poem["paragraphs"])).replace("。。", "。")
        text = f"{NOTE.sub('', poem['title'] or '')}\n{body}"
        if body and len(text) <= LONGEST:
            found.append(text.lstrip("\n"))
    return found


RECIPE = Recipe(
    title="Tang poems and Song lyrics",
    task="generation",
    model="decoder",
    prepare=prepare,
    settings={"tokenizer": "characters", "vocabulary_size": "6500", "width": "256", "layers": "4", "heads": "8",
              "kv_heads": "4", "hidden": "704", "context": "192", "batch_tokens": "6000", "steps": "1800",
              "optimizer": "muon", "learning_rate": "2e-3", "dropout": "0.0", "patience": "0",
              "evaluations": "20"},
    expected={"loss": 4.13},
    about=ABOUT,
)
