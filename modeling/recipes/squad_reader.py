"""A reader of English passages: MiniLM (Wang et al. 2020), fine-tuned on SQuAD v1.1 (Rajpurkar et al. 2016)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modeling.recipes.recipe import Files, Recipe, write_rows

ABOUT = """## Data

[SQuAD v1.1](https://rajpurkar.github.io/SQuAD-explorer/), 87,599 questions on 442 Wikipedia articles for training
(6 of the articles for validation) and 10,570 for the figures below; **CC BY-SA 4.0**, Rajpurkar et al. 2016, with text
of Wikipedia's authors. The copy at hand gives the first place of an answer only; where the same words stand in the
passage several times, all places count as right in training. A tenth of the questions is shown a second time with
another passage of the same article, so that the reader learns to point at nothing.

Starting weights: all-MiniLM-L6-v2 (sentence-transformers), a BERT of 6 layers, 384 wide, **Apache 2.0**.

## Use and limits

It copies an answer of up to 30 tokens word for word out of an English passage; it does not count, compare or combine
passages. Where it finds no answer it says so: of 1,351 questions of the validation split, asked of a passage that a
search brings up and that does not hold the answer, it refuses 89.7 %, and gives 80.1 % of the answers that are there.
Its confidence is tuned on the same rows (expected calibration error 0.35 before, 0.02 after). Questions that are put in
other words than the passage's, and passages unlike Wikipedia's, are harder. Everything is lower-cased inside; answers
come as written."""

VALIDATION = slice(7, None, 80)
"""Titles, in their order, that validate."""


def prepare(data: Path, folder: Path) -> Files:
    rows = list(read_squad(data / "squad" / "train-v1.1.json"))
    held = set(sorted({row["title"] for row in rows})[VALIDATION])
    return Files(
        train=write_rows(folder / "train.jsonl", (row for row in rows if row["title"] not in held)),
        validation=write_rows(folder / "validation.jsonl", (row for row in rows if row["title"] in held)),
        test=write_rows(folder / "test.jsonl", read_squad(data / "squad" / "dev-v1.1.json")),
    )


def read_squad(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a SQuAD file; an answer marked ambiguous gets all its places."""
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            context = paragraph["context"]
            for question in paragraph["qas"]:
                answers = [{"text": a["text"], "start": a["answer_start"]} for a in question["answers"]]
                if question.get("ambiguous") or any(a.get("ambiguous") for a in question["answers"]):
                    answers = places(context, answers[0]["text"]) or answers
                yield {"id": question["id"], "title": article["title"], "context": context,
                       "question": question["question"], "answers": answers}


def places(context: str, text: str) -> list[dict[str, Any]]:
    """Where `text` stands in `context` as whole words."""
    found, start = [], context.find(text)
    while start >= 0:
        end = start + len(text)
        inside = (start > 0 and context[start - 1].isalnum() and text[0].isalnum()) or (
            end < len(context) and context[end].isalnum() and text[-1].isalnum()
        )
        if not inside:
            found.append({"text": text, "start": start})
        start = context.find(text, start + 1)
    return found


RECIPE = Recipe(
    title="SQuAD v1.1 with MiniLM",
    task="question-answering",
    model="bert",
    prepare=prepare,
    settings={"steps": "2500", "validation": "0.0", "test": "0.0"},
    expected={"em": 70.7, "f1": 81.1},
    about=ABOUT,
    needs_parent="the unpacked model folder of all-MiniLM-L6-v2",
)
