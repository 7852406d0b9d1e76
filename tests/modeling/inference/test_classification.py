"""Labels with their probabilities, *not sure*, several labels at once, and the words that carried an answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from modeling.artifact import Artifact
from modeling.inference import Chunk, Request, SamplingParams
from modeling.inference.evaluation import evaluate
from modeling.inference.occlusion import spans, words
from modeling.training import Request as Training
from modeling.training import train
from tests.modeling.tiny import WORDS

Ask = Callable[[Request], Awaitable[list[Chunk]]]
WARM = {"red", "apple", "house"}


def learnt(folder: Path, rows: list[dict[str, str]], **settings: object) -> Artifact:
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return train(Training(task="classification", model="bag", data=[folder / "rows.jsonl"], out=folder / "model",
                          settings={"threads": 1, "steps": 150, "batch_tokens": 256, "ngrams": 1, "embedding": 8,
                                    "patience": 0, "dropout": 0.0, "evaluations": 1, **settings}))


@pytest.fixture(scope="session")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """Warm where "red" stands, else cold; the rest says nothing."""
    rows = [{"text": f"{a} {b} {c}", "label": "warm" if "red" in (a, b, c) else "cold"}
            for a in WORDS for b in WORDS for c in WORDS[:3]]
    return learnt(tmp_path_factory.mktemp("telling"), rows, wanted_accuracy=0.99)


@pytest.fixture(scope="session")
def tagging(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """Labels for each word that stands in a text."""
    def labels(*found: str) -> str:
        return "|".join(word for word in ("red", "stone", "winter") if word in found) or "|"

    rows = [{"text": f"{a} {b} {c}", "label": labels(a, b, c)} for a in WORDS for b in WORDS for c in WORDS[:4]]
    return learnt(tmp_path_factory.mktemp("tagging"), rows)


async def test_an_answer_is_explained_by_the_word_that_carried_it(ask: Ask, telling: Artifact) -> None:
    text = "cloud, then red; river"
    answer, explained = await ask(Request(artifact=str(telling.path), text=text, explain=True))
    assert answer.text == "warm" and answer.finish_reason is None and explained.finish_reason == "stop"
    found = {text[word["start"] : word["end"]]: word["weight"] for word in (explained.result or {})["words"]}
    assert set(found) == {"cloud", "then", "red", "river"}
    assert max(found, key=lambda word: found[word]) == "red" and found["red"] > 0.3


async def test_explaining_holds_up_nobody(ask: Ask, telling: Artifact) -> None:
    requests = [Request(artifact=str(telling.path), text="red stone", explain=n % 2 == 0) for n in range(8)]
    for chunks in await asyncio.gather(*map(ask, requests)):
        assert chunks[-1].finish_reason == "stop" and "".join(chunk.text for chunk in chunks) == "warm"


async def test_below_the_threshold_an_answer_is_not_sure(ask: Ask, telling: Artifact) -> None:
    assert "threshold" in telling.manifest["defaults"]
    for threshold, sure in ((0.0, True), (1.0, False)):
        (chunk,) = await ask(Request(artifact=str(telling.path), text="red stone",
                                     sampling=SamplingParams(threshold=threshold)))
        assert (chunk.result or {})["sure"] is sure and chunk.text == "warm"


async def test_a_text_has_all_the_labels_above_their_thresholds(ask: Ask, tagging: Artifact) -> None:
    (both,) = await ask(Request(artifact=str(tagging.path), text="winter red cloud"))
    assert set(both.text.split(" | ")) == {"winter", "red"}
    assert [row["given"] for row in (both.result or {})["labels"]] == [True, True, False]
    (neither,) = await ask(Request(artifact=str(tagging.path), text="cloud seven"))
    assert neither.text == "" and neither.finish_reason == "stop"


def test_several_labels_are_measured_together_and_each(tagging: Artifact) -> None:
    figures = tagging.metrics
    assert figures["micro_f1"] > 0.95 and set(figures["f1"]) == {"red", "stone", "winter"}
    found = evaluate(tagging, [{"text": "red stone cloud", "label": "red|stone"}, {"text": "cloud", "label": "|"}],
                     threads=1)
    assert found["metrics"]["accuracy"] == 1.0 and found["metrics"]["micro_f1"] == 1.0


def test_words_are_found_in_both_languages_and_joined_where_there_are_many() -> None:
    text = "It's 很好的电影, isn't it?"
    assert [text[start:end] for start, end in words(text)][0] == "It's"
    assert "".join(text[start:end] for start, end in words(text)[1:-2]) == "很好的电影"
    long = "word " * 500
    assert len(spans(long, 48)) <= 48 and spans(long, 48)[-1][1] == len(long) - 1
    assert spans("…!", 48) == []
