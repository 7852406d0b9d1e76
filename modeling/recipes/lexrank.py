"""Summaries by LexRank (Erkan & Radev 2004): a method, nothing is trained; measured beside the first sentences."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from modeling.artifact import Artifact
from modeling.export import export_lexrank
from modeling.lexrank import summarise
from modeling.metrics import rouge
from modeling.text import sentences

CARD = """# lexrank

Summarises English and Chinese texts by picking the sentences that say most. It is a method and not a trained model:
nothing was learnt from any data, there are no weights, and every sentence stands in the text.

## Method

G. Erkan and D. R. Radev, *LexRank: Graph-based Lexical Centrality as Salience in Text Summarization*, Journal of
Artificial Intelligence Research 22 (2004). Sentences are nodes, their TF-IDF cosine is the weight of an edge, and a
random walk gives each its score. A sentence that repeats a chosen one is passed over. Chinese is counted by characters
and their pairs. Beyond the paper, the walk jumps to the opening of the text more often. Licence: Apache 2.0.

## Figures

ROUGE-1 / 2 / L (F1, 0 to 100; Chinese by character) against what people wrote, beside the baseline that takes as many
sentences from the beginning. The settings were chosen on the Chinese texts. The data only measures; it is not part of
Parley.

| data | sentences | LexRank | first sentences |
|---|---|---|---|
{figures}

## Use and limits

For texts of ten sentences and more, such as reports and articles. It cannot shorten or join sentences; a pronoun may
lose what it stands for. Where a text says the main thing first, as abstracts do, the first sentences are as good.
"""
Summariser = Callable[[str, int], str]


def make(data: Path, out: Path) -> Artifact:
    """Measure on DialogSum's dev file and CSL's abstracts, and write the artifact with its card."""
    metrics = {
        "DialogSum dev, 500 dialogues": measured(*read_dialogues(data / "dialogsum" / "dev.jsonl"), count=3),
        "CSL, 1,000 abstracts to titles": measured(*read_abstracts(data / "csl" / "abstract_title.tsv"), count=1),
    }
    figures = "\n".join(
        f"| {name} | {found['sentences']} | {_row(found['lexrank'])} | {_row(found['first'])} |"
        for name, found in metrics.items()
    )
    return export_lexrank(out, name="lexrank", card=CARD.format(figures=figures), metrics=metrics)


def measured(texts: Sequence[str], references: Sequence[str], *, count: int) -> dict[str, Any]:
    """ROUGE of both ways to pick `count` sentences."""
    ways: dict[str, Summariser] = {"lexrank": chosen_sentences, "first": first_sentences}
    scores = {name: rouge([way(text, count) for text in texts], references) for name, way in ways.items()}
    return {"sentences": count, "rows": len(texts),
            **{name: {key: round(value, 2) for key, value in score.items()} for name, score in scores.items()}}


def chosen_sentences(text: str, count: int) -> str:
    return " ".join(sentence.text for sentence in summarise(text, sentences=count))


def first_sentences(text: str, count: int) -> str:
    return " ".join(text[start:end] for start, end in sentences(text)[:count])


def read_dialogues(path: Path) -> tuple[list[str], list[str]]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [re.sub(r"#Person\d#: ", "", row["dialogue"]) for row in rows], [row["summary"] for row in rows]


def read_abstracts(path: Path) -> tuple[list[str], list[str]]:
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    return [row[1] for row in rows], [row[2] for row in rows]


def _row(score: dict[str, float]) -> str:
    return " / ".join(f"{score[key]:.1f}" for key in ("rouge1", "rouge2", "rougeL"))
