"""Generation: a shared running batch that changes nobody's text."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from modeling.artifact import Artifact
from modeling.errors import RequestError
from modeling.inference import Chunk, Request, SamplingParams
from modeling.inference.engine import LocalEngine
from modeling.inference.generation import GenerationScheduler
from modeling.text import Tokenizer

Drive = Callable[[GenerationScheduler, list[Request]], list[list[Chunk]]]
Ask = Callable[[Request], Awaitable[list[Chunk]]]
PROMPTS = ["The", "The quick brown fox", "How many words", "春眠", "dog " * 60, "Le renard brun", "x", "over the lazy"]


@pytest.fixture(params=["writer", "recurrent_writer"])
def any_writer(request: pytest.FixtureRequest) -> Path:
    """A Transformer, whose cache grows, and an LSTM, whose state has a fixed size."""
    path: Path = request.getfixturevalue(request.param)
    return path


@pytest.fixture
def scheduler(writer: Path) -> GenerationScheduler:
    return GenerationScheduler(Artifact.load(writer), threads=1, device="cpu", slots=8, max_waiting=8)


def prompt(path: Path, text: str, *, priority: int = 0, **sampling: object) -> Request:
    return Request(artifact=str(path), text=text, priority=priority, sampling=SamplingParams(**sampling))  # type: ignore[arg-type]


def text_of(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


def ids_of(chunks: list[Chunk]) -> list[int]:
    return [token for chunk in chunks for token in chunk.token_ids]


async def test_eight_greedy_texts_come_out_as_they_do_alone(engine: LocalEngine, ask: Ask,
                                                                any_writer: Path) -> None:
    requests = [prompt(any_writer, text, temperature=0, max_tokens=100, repetition_penalty=1.3) for text in PROMPTS]
    alone = [await ask(request) for request in requests]
    together = await asyncio.gather(*[ask(request) for request in requests])
    assert [ids_of(chunks) for chunks in together] == [ids_of(chunks) for chunks in alone]
    assert len({text_of(chunks) for chunks in alone}) > 4
    (model,) = (await engine.stats())["models"]
    assert model["max_running"] > 1
    assert model["running"] == model["waiting"] == 0


def test_eight_texts_that_arrive_together_share_the_running_batch(drive: Drive, any_writer: Path) -> None:
    scheduler = GenerationScheduler(Artifact.load(any_writer), threads=1, device="cpu", slots=8, max_waiting=8)
    requests = [prompt(any_writer, text, temperature=1, seed=3, max_tokens=100) for text in PROMPTS]
    together = drive(scheduler, requests)
    assert scheduler.max_running == 8
    assert scheduler.histogram[8] > 10
    steps = scheduler.steps
    assert [ids_of(chunks) for chunks in together] == [ids_of(drive(scheduler, [one])[0]) for one in requests]
    assert steps < (scheduler.steps - steps) / 3


async def test_a_recurrent_model_writes_beyond_the_length_that_it_learnt_with(
    ask: Ask, recurrent_writer: Path
) -> None:
    assert Artifact.load(recurrent_writer).config["context"] == 16
    [last] = (await ask(prompt(recurrent_writer, "dog " * 60, temperature=0, max_tokens=40)))[-1:]
    assert last.finish_reason == "length"


async def test_a_seed_gives_the_same_text_whoever_runs_beside_it(ask: Ask, writer: Path) -> None:
    request = prompt(writer, "The fox", temperature=1.5, max_tokens=60, seed=7)
    alone = text_of(await ask(request))
    others = [prompt(writer, text, temperature=2, max_tokens=40) for text in PROMPTS]
    crowd = await asyncio.gather(*[ask(other) for other in others[:4]], ask(request), *[ask(o) for o in others[4:]])
    assert text_of(crowd[4]) == alone
    assert text_of(await ask(prompt(writer, "The fox", temperature=1.5, max_tokens=60, seed=8))) != alone


async def test_text_comes_in_several_chunks_and_equals_its_token_ids(
    ask: Ask, writer: Path, tokenizer: Tokenizer
) -> None:
    chunks = await ask(prompt(writer, "The", temperature=1.0, max_tokens=200, seed=1))
    assert len(chunks) > 1
    assert text_of(chunks) == tokenizer.decode(ids_of(chunks))
    assert [chunk.finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    for chunk in chunks:
        assert len(chunk.token_ids) == len(chunk.logprobs) == len((chunk.result or {"candidates": []})["candidates"])


async def test_the_best_candidate_of_a_greedy_text_is_the_chosen_token(
    ask: Ask, writer: Path, tokenizer: Tokenizer
) -> None:
    chunks = await ask(prompt(writer, "The", temperature=0, max_tokens=20))
    candidates = [shown for chunk in chunks if chunk.result for shown in chunk.result["candidates"]]
    assert [shown[0][0] for shown in candidates] == [tokenizer.decode([token]) for token in ids_of(chunks)]
    assert [shown[0][1] for shown in candidates] == pytest.approx([p for chunk in chunks for p in chunk.logprobs])


async def test_a_stop_text_ends_the_answer_and_is_not_part_of_it(ask: Ask, writer: Path) -> None:
    whole = text_of(await ask(prompt(writer, "The", temperature=1.0, max_tokens=100, seed=3)))
    stop = whole[20:23]
    chunks = await ask(prompt(writer, "The", temperature=1.0, max_tokens=100, seed=3, stop=(stop,)))
    assert text_of(chunks) == whole[: whole.index(stop)]
    assert chunks[-1].finish_reason == "stop"


async def test_the_context_ends_a_text(ask: Ask, writer: Path) -> None:
    chunks = await ask(prompt(writer, "The", temperature=1.5, max_tokens=4000, seed=2))
    assert chunks[-1].finish_reason in ("length", "stop")
    assert len(ids_of(chunks)) <= 320


async def test_a_prompt_longer_than_the_context_is_refused_with_its_length(engine: LocalEngine, writer: Path) -> None:
    with pytest.raises(RequestError, match=r"has \d{3} tokens.*up to 319"):
        await engine.submit(prompt(writer, "quick 春 " * 200))


async def test_a_long_prompt_is_prefilled_in_chunks_between_the_steps_of_others(
    engine: LocalEngine, ask: Ask, writer: Path
) -> None:
    short = prompt(writer, "The", temperature=1.5, max_tokens=250, seed=5)
    long = prompt(writer, "jumps over " * 50, temperature=0, max_tokens=10)
    alone = [await ask(short), await ask(long)]
    assert [text_of(chunks) for chunks in await asyncio.gather(ask(short), ask(long))] == [text_of(c) for c in alone]


async def test_cancelling_frees_the_slot_and_keeps_what_was_said(engine: LocalEngine, writer: Path) -> None:
    streams = [await engine.submit(prompt(writer, text, temperature=2, max_tokens=4000)) for text in PROMPTS[:3]]
    seen: list[Chunk] = []
    async for chunk in streams[0]:
        seen.append(chunk)
        await streams[0].cancel()
    assert seen[-1].finish_reason == "cancelled"
    assert text_of(seen)
    for stream in streams[1:]:
        await stream.cancel()
        assert [chunk async for chunk in stream][-1].finish_reason in ("cancelled", "length", "stop")
    (model,) = (await engine.stats())["models"]
    assert model["running"] == 0


async def test_a_chosen_token_is_always_among_those_shown(ask: Ask, writer: Path, tokenizer: Tokenizer) -> None:
    sampling = SamplingParams(temperature=5, seed=1, max_tokens=40)
    chunks = await ask(Request(artifact=str(writer), text="The", sampling=sampling))
    shown = [one for chunk in chunks if chunk.result for one in chunk.result["candidates"]]
    logprobs = [p for chunk in chunks for p in chunk.logprobs]
    texts = [tokenizer.decode([token]) for token in ids_of(chunks)]
    for text, logprob, candidates in zip(texts, logprobs, shown, strict=True):
        assert any(other == text and abs(p - logprob) < 1e-3 for other, p in candidates)
