"""Question answering: search, read, answer, or say that there is nothing."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from modeling.decoding import Span
from modeling.errors import RequestError
from modeling.faq import FaqIndex
from modeling.inference import Chunk, Request
from modeling.inference.answering import ranked
from modeling.inference.engine import LocalEngine
from modeling.inference.indexes import IndexCache
from modeling.inference.reading import Found
from modeling.refusal import Confidence
from modeling.retrieval import Passage, PassageIndex

Ask = Callable[[Request], Awaitable[list[Chunk]]]


def question(path: Path, text: str, *documents: Path) -> Request:
    return Request(artifact=str(path), text=text, documents=tuple(map(str, documents)))


async def test_the_stages_come_before_the_answer(ask: Ask, reader: Path, documents: Path) -> None:
    chunks = await ask(question(reader, "How many words are there?", documents))
    assert [chunk.stage for chunk in chunks] == ["searching", "reading", None]
    passages = (chunks[1].result or {})["passages"]
    assert passages[0]["document"] == "words.txt"
    assert chunks[2].finish_reason == "stop"
    for answer in (chunks[2].result or {})["answers"]:
        assert passages[answer["passage"]]["text"][answer["start"] : answer["end"]] == answer["text"]


async def test_a_question_that_matches_nothing_has_no_answer(ask: Ask, reader: Path, documents: Path) -> None:
    chunks = await ask(question(reader, "Zeppelin?", documents))
    assert chunks[-1].text == ""
    assert chunks[-1].result == {"passages": [], "answers": []}
    assert chunks[-1].finish_reason == "stop"


async def test_questions_without_documents_are_refused(engine: LocalEngine, reader: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no documents"):
        await engine.submit(question(reader, "How many?"))
    with pytest.raises(RequestError, match="cannot be read"):
        await engine.submit(question(reader, "How many?", tmp_path))


def test_an_index_is_loaded_again_after_it_changed(documents: Path, tmp_path: Path) -> None:
    shutil.copytree(documents, tmp_path / "index")
    cache = IndexCache()
    first = cache.get(tmp_path / "index")
    assert cache.get(tmp_path / "index") is first
    PassageIndex.build([("new.txt", "New", "Something else.")]).save(tmp_path / "index")
    assert [passage.title for passage in cache.get(tmp_path / "index").passages] == ["New"]


def test_large_indexes_make_room_for_each_other(documents: Path, tmp_path: Path, monkeypatch) -> None:
    folders = [Path(shutil.copytree(documents, tmp_path / name)) for name in "abc"]
    size = sum(one.stat().st_size for one in documents.iterdir())
    monkeypatch.setattr("modeling.inference.indexes.KEPT_BYTES", 2 * size)
    cache = IndexCache()
    first, second, third = (cache.get(folder) for folder in folders)
    assert cache.get(folders[2]) is third and cache.get(folders[1]) is second and cache.get(folders[0]) is not first


def test_retrieval_decides_between_spans_that_the_reader_likes_alike() -> None:
    passages = [(Passage("a", "", "one two three", 0), 8.0), (Passage("b", "", "four five six", 0), 2.0)]
    places = [(1, 0, 4, 5.0), (0, 0, 3, 5.0), (0, 0, 7, 4.0), (1, 5, 9, -1.0)]
    spans = [Found(passage, start, end, Span(start=0, end=0, score=1, margin=margin))
             for passage, start, end, margin in places]
    best, withheld = ranked(spans, passages, Confidence())
    assert [(found.passage, found.start, found.end) for found, _ in best] == [(0, 0, 3), (1, 0, 4)]
    assert 1 > best[0][1] > best[1][1] > 0.5 > withheld > 0


def test_the_threshold_that_was_tuned_decides_what_is_withheld() -> None:
    passages = [(Passage("a", "", "rain falls", 0), 1.0)]
    span = Found(0, 0, 4, Span(start=0, end=0, score=1, margin=2.0))
    strict = Confidence(slope=1.0, threshold=2.5)
    assert ranked([span], passages, strict) == ([], strict.score(2.0))
    assert ranked([span], passages, Confidence(slope=1.0, threshold=1.5)) == ([(span, strict.score(2.0))], 0.0)


async def test_a_question_of_a_list_is_answered_without_reading(ask: Ask, reader: Path, tmp_path: Path) -> None:
    FaqIndex.build([("When do you open?", "At nine."), ("Where are you?", "In Bern.")]).save(tmp_path / "faq")
    last = (await ask(question(reader, "when do you open", tmp_path / "faq")))[-1]
    assert last.text == "At nine." and last.result and last.result["known"]
    assert last.result["questions"][0]["question"] == "When do you open?"
    unsure = (await ask(question(reader, "where is the office", tmp_path / "faq")))[-1]
    assert unsure.text == "" and unsure.result == {
        "passages": [], "answers": [], "questions": [pytest.approx(unsure.result["questions"][0])]}
