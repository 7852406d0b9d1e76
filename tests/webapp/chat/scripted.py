"""An engine that answers from a script: for tests of the web, which need no model."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from modeling.errors import EngineBusyError, EngineUnavailableError
from modeling.inference import Chunk, Request
from modeling.retrieval import PassageIndex
from modeling.text import sentences

POEM = "明月出天山，\n苍茫云海间。\n\n长风几万里，\n吹度玉门关。"


class ScriptedStream:
    """Chunks at a pace, until cancelled."""

    def __init__(self, chunks: Iterator[Chunk], pace: float) -> None:
        self._chunks, self._pace, self._cancelled = chunks, pace, False

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        for chunk in self._chunks:
            await asyncio.sleep(self._pace)
            if self._cancelled:
                yield Chunk(finish_reason="cancelled")
                return
            if chunk.error == "gone":
                raise EngineUnavailableError("The engine went away")
            yield chunk

    async def cancel(self) -> None:
        self._cancelled = True


class ScriptedEngine:
    """Answers by the task that the artifact's folder is named after.

    A generation says back what it is asked, a few characters at a time; `#gone` in the text breaks off there, and
    `#busy` finds a full queue.
    """

    def __init__(self, pace: float = 0.005) -> None:
        self.pace = pace
        self.requests: list[Request] = []

    async def submit(self, request: Request) -> ScriptedStream:
        self.requests.append(request)
        if "#busy" in request.text:
            raise EngineBusyError("The engine has as much to do as it can hold", retry_after=7)
        task = Path(request.artifact).name
        return ScriptedStream(ANSWERING.get(task, _write)(request), self.pace)

    async def stats(self) -> dict[str, Any]:
        return {"models": []}


def _pieces(text: str) -> list[str]:
    return re.findall(r"\s|[^\s]{1,3}", text)


def _write(request: Request) -> Iterator[Chunk]:
    text = POEM if request.text == "明月" else request.text
    for number, piece in enumerate(_pieces(text)):
        if piece == "#go":
            yield Chunk(error="gone", finish_reason="error")
        sure = 0.35 + 0.6 * ((number * 7) % 10) / 10
        others = [[piece, math.log(sure)], ["云", math.log((1 - sure) * 0.6)], [" the", math.log((1 - sure) * 0.3)]]
        yield Chunk(text=piece, token_ids=(number,), logprobs=(math.log(sure),), result={"candidates": [others]})
        if number + 1 >= request.sampling.max_tokens:
            yield Chunk(finish_reason="length")
            return
    yield Chunk(finish_reason="stop")


def _translate(request: Request) -> Iterator[Chunk]:
    target = f"« {request.text} » in {request.target_language}"
    for piece in _pieces(target):
        yield Chunk(text=piece)
    yield Chunk(result={"segments": [{"source": request.text, "target": target}]}, finish_reason="stop")


def _classify(request: Request) -> Iterator[Chunk]:
    labels = [{"label": "spam", "probability": 0.941}, {"label": "ham", "probability": 0.059}]
    yield Chunk(result={"labels": labels, "sure": "maybe" not in request.text})
    places = [(match.start(), match.end()) for match in re.finditer(r"\w+", request.text)]
    words = [{"start": start, "end": end, "weight": 0.5 * (request.text[start:end] == "prize")}
             for start, end in places]
    yield Chunk(result={"words": words}, finish_reason="stop")


def _summarise(request: Request) -> Iterator[Chunk]:
    chosen = [{"index": i, "text": request.text[a:b], "start": a, "end": b, "score": 0.2 - i / 100}
              for i, (a, b) in enumerate(sentences(request.text))][: request.sentences]
    text = "\n".join(sentence["text"] for sentence in chosen)
    yield Chunk(text=text, result={"sentences": chosen}, finish_reason="stop")


def _read(request: Request) -> Iterator[Chunk]:
    yield Chunk(stage="searching")
    found = [hit for folder in request.documents for hit in PassageIndex.load(folder).search(request.text, limit=4)]
    passages = [{"document": p.document, "title": p.title, "text": p.text, "score": score} for p, score in found]
    yield Chunk(stage="reading", result={"passages": passages})
    answers = []
    if passages:
        first = passages[0]["text"].partition(" is ")[2].partition(".")[0] or passages[0]["text"][:12]
        start = passages[0]["text"].index(first)
        answers = [{"text": first, "passage": 0, "start": start, "end": start + len(first), "score": 0.83}]
    yield Chunk(text=answers[0]["text"] if answers else "", result={"passages": passages, "answers": answers},
                finish_reason="stop")


ANSWERING: dict[str, Callable[[Request], Iterator[Chunk]]] = {
    "classification": _classify, "question-answering": _read, "summarisation": _summarise, "translation": _translate,
    "generation": _write,
}
