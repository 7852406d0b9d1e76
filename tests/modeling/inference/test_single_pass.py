"""Classification in micro-batches, and summaries."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from modeling.errors import RequestError
from modeling.inference import Chunk, Request
from modeling.inference.engine import LocalEngine

Ask = Callable[[Request], Awaitable[list[Chunk]]]


async def test_a_class_comes_with_the_probability_of_each_label(ask: Ask, classifier: Path) -> None:
    (chunk,) = await ask(Request(artifact=str(classifier), text="The quick fox"))
    labels = (chunk.result or {})["labels"]
    assert {entry["label"] for entry in labels} == {"a", "b", "c"}
    assert sum(entry["probability"] for entry in labels) == pytest.approx(1)
    assert chunk.text == max(labels, key=lambda entry: entry["probability"])["label"]


async def test_texts_that_wait_together_are_classified_together_and_alike(
    engine: LocalEngine, ask: Ask, classifier: Path
) -> None:
    requests = [Request(artifact=str(classifier), text="fox " * n) for n in range(1, 20)]
    alone = [(await ask(request))[0].result for request in requests]
    together = [chunks[0].result for chunks in await asyncio.gather(*map(ask, requests))]
    for one, other in zip(alone, together, strict=True):
        assert one is not None
        assert other is not None
        for a, b in zip(one["labels"], other["labels"], strict=True):
            assert a["probability"] == pytest.approx(b["probability"], abs=1e-5)
    assert (await engine.stats())["models"][0]["max_running"] > 1


async def test_a_summary_has_the_wanted_sentences_in_order(ask: Ask, summariser: Path) -> None:
    text = "Cats sleep all day. Cats and dogs sleep. Birds sing in the morning. Cats, dogs and birds sleep at night."
    (chunk,) = await ask(Request(artifact=str(summariser), text=text, sentences=2))
    found = (chunk.result or {})["sentences"]
    assert len(found) == 2
    assert [text[s["start"] : s["end"]] for s in found] == [s["text"] for s in found]
    assert chunk.text == " ".join(s["text"] for s in found)


async def test_texts_without_content_are_refused(engine: LocalEngine, classifier: Path, summariser: Path) -> None:
    for path in (classifier, summariser):
        with pytest.raises(RequestError, match="empty"):
            await engine.submit(Request(artifact=str(path), text="  "))
    with pytest.raises(RequestError, match="0 sentences"):
        await engine.submit(Request(artifact=str(summariser), text="One.", sentences=0))
