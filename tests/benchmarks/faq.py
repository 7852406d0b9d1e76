"""Lists of questions: how often a paraphrase gets its answer, and a question that the list lacks another's.

The Chinese list is that of insurance questions (4,114 of them). Its paraphrases are those 50 of the 214 pairs with
nearly the same answer (cosine of the terms above 0.85) that ask the same, as we read them; each is taken out and asked,
in both directions. The English list are SQuAD's dev questions, one of each answer; a second question with the same
answer at the same place is taken for a paraphrase, which of twenty that we read about half were. Questions that the
list lacks are 500 that are taken out; of the Chinese ones some are there in other words: their numbers, as we read the
nearest ones, stand below. PARLEY_EMBEDDER names an artifact of the model dual, which compares the English ones by
meaning too.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from modeling.datasets.questions import questions_of
from modeling.faq import FaqIndex
from modeling.inference.embedding import Embedder

DATA = Path(os.environ.get("PARLEY_DATA") or "../shared/data")
EARLIER = 0.62
"""The threshold when it was tuned on questions with words left out."""
LEFT_OUT = 500
PARAPHRASES = """
128-196, 158-180, 197-334, 514-3980, 1984-2313, 225-236, 240-302, 241-512, 241-4004, 512-4004, 2019-2346,
57-4021, 677-742, 2388-2433, 136-177, 209-225, 454-4040, 2780-3367, 209-236, 488-494, 812-3875, 1072-2202,
1986-2833, 3656-3663, 3979-4088, 185-446, 759-781, 1116-3796, 2020-2024, 142-233, 197-409, 197-498, 243-278,
334-409, 334-498, 1286-1416, 129-220, 35-59, 251-308, 2598-2853, 3627-3630, 409-498, 3326-3812, 56-493,
68-113, 2450-2552, 2020-3545, 2024-3545, 59-149, 205-213
"""
"""Numbers of questions in the Chinese list."""
THERE = """
22 106 146 280 403 488 494 549 743 781 1011 1012 1013 1088 1130 1159 1213 1307 1424 2210 2313 2388 2433 2552
3313 3438 3446 3456 3464 3591 3594 3626 3716 3799 3804 3815 3912 4029 4091
"""
"""Numbers of those left out that the list has in other words."""
Entries = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, which entries would be right, and which one is not there when it is asked."""

    text: str
    right: Collection[int]
    hidden: int | None = None


def main() -> None:
    entries = questions_of(DATA / "baoxian_faq" / "faq.gb18030.csv")
    report("insurance (zh)", FaqIndex.build(entries), *chinese(entries))
    entries, paraphrases, lacking = english(DATA / "squad" / "dev-v1.1.json")
    index = FaqIndex.build(entries)
    report("SQuAD (en)", index, paraphrases, lacking)
    if folder := os.environ.get("PARLEY_EMBEDDER"):
        embedder = Embedder.load(Path(folder), threads=1)
        index.add_vectors(embedder(index.texts()), embedder=str(embedder.path), digest=embedder.digest)
        report("SQuAD, vectors too", index, paraphrases, lacking, embedder)


def chinese(entries: Entries) -> tuple[list[Asked], list[Asked]]:
    pairs = [tuple(map(int, pair.split("-"))) for pair in PARAPHRASES.replace(",", " ").split()]
    like = defaultdict(set)
    for first, second in pairs:
        like[first].add(second)
        like[second].add(first)
    out = np.random.default_rng(1).choice(len(entries), LEFT_OUT, replace=False).tolist()
    there = set(map(int, THERE.split()))
    return ([Asked(entries[n][0], like[n], n) for pair in pairs for n in pair],
            [Asked(entries[n][0], range(len(entries)) if n in there else (), n) for n in out])


def english(path: Path) -> tuple[Entries, list[Asked], list[Asked]]:
    groups = defaultdict(list)
    for article in json.loads(path.read_text())["data"]:
        for place, paragraph in enumerate(article["paragraphs"]):
            for question in paragraph["qas"]:
                answer = question["answers"][0]
                groups[article["title"], place, answer["answer_start"], answer["text"]].append(question["question"])
    kept = list(groups.values())[:5000]
    entries = [(questions[0], str(n)) for n, questions in enumerate(kept)]
    single = [n for n, questions in enumerate(kept) if len(questions) == 1]
    out = np.random.default_rng(0).choice(single, LEFT_OUT, replace=False).tolist()
    return (entries, [Asked(questions[1], (n,)) for n, questions in enumerate(kept) if len(questions) > 1],
            [Asked(entries[n][0], (), n) for n in out])


def report(name: str, index: FaqIndex, paraphrases: list[Asked], lacking: list[Asked],
           embedder: Embedder | None = None) -> None:
    found, wrong = (nearest(index, asked, embedder) for asked in (paraphrases, lacking))
    print(f"{name}: {len(index):,} questions, {len(found)} paraphrases, {len(wrong)} that are lacking; "
          f"the nearest one is right for {100 * np.mean([right for _, right in found]):.0f} %")
    for kind, threshold in (("tuned", index.thresholds[embedder is not None]), ("earlier", EARLIER)):
        answered = np.mean([right and similarity >= threshold for similarity, right in found])
        false = np.mean([not right and similarity >= threshold for similarity, right in wrong])
        print(f"  {kind:>8} threshold {threshold:.2f}: {100 * answered:5.1f} % of the paraphrases answered rightly, "
              f"{100 * false:5.1f} % of the others wrongly")


def nearest(index: FaqIndex, asked: list[Asked], embedder: Embedder | None) -> list[tuple[float, bool]]:
    """Similarity of the nearest entry, and whether it is right."""
    vectors = embedder([one.text for one in asked]) if embedder else [None] * len(asked)
    found = []
    for one, vector in zip(asked, vectors, strict=True):
        similar = index.similar(one.text, vector)
        if one.hidden is not None:
            similar[one.hidden] = -1
        best = int(similar.argmax())
        found.append((float(similar[best]), best in one.right))
    return found
