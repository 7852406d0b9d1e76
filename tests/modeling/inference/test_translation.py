"""Translation: beams of many sentences in one batch, text in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from modeling.artifact import Artifact
from modeling.errors import RequestError
from modeling.inference import Chunk, Request, SamplingParams
from modeling.inference.engine import LocalEngine
from modeling.inference.translation import TranslationScheduler

Drive = Callable[[TranslationScheduler, list[Request]], list[list[Chunk]]]
Ask = Callable[[Request], Awaitable[list[Chunk]]]
LONG = "The quick brown fox jumps.\nHow many words are there? Nobody knows. The dog is lazy.\n\nOver the fox."


def source(path: Path, text: str, *, beam: int = 4, target: str = "fr", max_tokens: int = 30) -> Request:
    return Request(artifact=str(path), text=text, source_language="en", target_language=target,
                   sampling=SamplingParams(beam=beam, max_tokens=max_tokens))


def text_of(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


@pytest.mark.parametrize("beam", [1, 4])
def test_sentences_share_the_batch_and_come_out_as_they_do_alone(drive: Drive, translator: Path, beam: int) -> None:
    scheduler = TranslationScheduler(Artifact.load(translator), threads=1, device="cpu", slots=4, max_waiting=8)
    texts = ("The fox.", "How many words are there?", "dog " * 30, "Nobody knows.", "春眠", "over")
    requests = [source(translator, text, beam=beam) for text in texts]
    together = drive(scheduler, requests)
    assert scheduler.max_running == 4
    assert [text_of(chunks) for chunks in together] == [text_of(drive(scheduler, [one])[0]) for one in requests]
    assert scheduler.idle


async def test_beam_widths_can_run_at_the_same_time(ask: Ask, translator: Path) -> None:
    requests = [source(translator, "The quick brown fox", beam=beam) for beam in (1, 2, 4, 8)]
    alone = [text_of(await ask(request)) for request in requests]
    assert [text_of(chunks) for chunks in await asyncio.gather(*map(ask, requests))] == alone


async def test_a_text_is_translated_by_sentences_that_keep_their_order_and_line_breaks(
    ask: Ask, translator: Path
) -> None:
    chunks = await ask(source(translator, LONG))
    result = chunks[-1].result
    assert result is not None
    assert [segment["source"] for segment in result["segments"]] == [
        "The quick brown fox jumps.", "How many words are there?", "Nobody knows.", "The dog is lazy.", "Over the fox."]
    a, b, c, d, e = [segment["target"] for segment in result["segments"]]
    assert text_of(chunks) == f"{a}\n{b} {c} {d}\n\n{e}"
    assert a == text_of(await ask(source(translator, "The quick brown fox jumps.")))
    assert len(chunks) > 2


async def test_no_space_stands_between_chinese_sentences(ask: Ask, translator: Path) -> None:
    chunks = await ask(source(translator, "Nobody knows. The dog is lazy.", target="zh"))
    assert chunks[-1].result is not None
    assert text_of(chunks) == "".join(segment["target"] for segment in chunks[-1].result["segments"])


async def test_a_sentence_longer_than_the_context_is_cut(ask: Ask, translator: Path) -> None:
    chunks = await ask(source(translator, "jumps over the lazy dog and " * 30, max_tokens=5))
    assert chunks[-1].result is not None
    assert len(chunks[-1].result["segments"]) > 1
    assert chunks[-1].finish_reason in ("length", "stop")


async def test_cancelling_frees_all_groups(engine: LocalEngine, translator: Path) -> None:
    stream = await engine.submit(source(translator, LONG * 20, max_tokens=90))
    async for _ in stream:
        await stream.cancel()
    other = [chunk async for chunk in await engine.submit(source(translator, "The fox."))]
    assert other[-1].finish_reason in ("stop", "length")
    assert (await engine.stats())["models"][0]["running"] == 0


async def test_a_direction_that_is_left_open_is_seen_from_the_text(ask: Ask, translator: Path) -> None:
    text, sampling = "Le renard est dans la forêt et il ne dort pas.", SamplingParams(max_tokens=20)
    named = Request(artifact=str(translator), text=text, sampling=sampling, source_language="fr", target_language="en")
    left_open = Request(artifact=str(translator), text=text, sampling=sampling)
    assert text_of(await ask(left_open)) == text_of(await ask(named))
    assert text_of(await ask(named)) != text_of(await ask(source(translator, text, max_tokens=20)))


async def test_an_unknown_direction_is_refused_with_the_known_ones(engine: LocalEngine, translator: Path) -> None:
    with pytest.raises(RequestError, match="fr to zh is not known.*en-fr, fr-en, en-zh"):
        await engine.submit(Request(artifact=str(translator), text="x", source_language="fr", target_language="zh"))
    with pytest.raises(RequestError, match="empty"):
        await engine.submit(source(translator, " \n "))


async def test_terms_of_a_glossary_stand_in_the_translation_and_are_told(ask: Ask, translator: Path) -> None:
    glossary = (("fox", "renard"), ("dog", "gros chien"), ("cat", "chat"))
    asked = Request(artifact=str(translator), text="The fox jumps. Nobody knows. The dog is lazy.", glossary=glossary,
                    source_language="en", target_language="fr", sampling=SamplingParams(beam=2, max_tokens=40))
    chunks = await ask(asked)
    text, result = text_of(chunks), chunks[-1].result
    assert result is not None
    assert [term["target"] for term in result["terms"]] == ["renard", "gros chien"]
    assert all(text[term["start"] : term["end"]].lower() == term["target"] for term in result["terms"])


async def test_a_glossary_without_words_is_refused(engine: LocalEngine, translator: Path) -> None:
    with pytest.raises(RequestError, match="empty or too long"):
        await engine.submit(Request(artifact=str(translator), text="The fox.", glossary=((" ", "renard"),)))
