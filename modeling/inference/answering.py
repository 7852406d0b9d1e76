"""Question answering: search the documents, read the best passages, answer with a span or say that there is none."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modeling.artifact import Artifact
from modeling.errors import RequestError
from modeling.faq import FaqIndex, Match
from modeling.inference.embedding import Embedder, Embedders
from modeling.inference.indexes import Index, IndexCache
from modeling.inference.reading import Found, Reader, Window
from modeling.inference.request import Chunk, Request
from modeling.inference.scheduler import Job, Scheduler
from modeling.inference.single_pass import checked_text
from modeling.refusal import Confidence
from modeling.retrieval import Passage, PassageIndex

PASSAGES = 8  # that are read for a question
ANSWERS = 3  # that are given at most
TOKENS_A_STEP = 1024  # that the reader sees in one step, padding included
RETRIEVAL_WEIGHT = 3.0  # logits that a passage loses when it matches the question not at all
RANKED = 32  # passages that a model that only finds weighs for a question
QUESTIONS = 4  # of a list that are shown at most


class Question(Job):
    """A question, its passages, and what was found in them."""

    def __init__(self, request: Request, indexes: list[Index]) -> None:
        super().__init__(request)
        self.indexes = [index for index in indexes if isinstance(index, PassageIndex)]
        self.lists = [index for index in indexes if isinstance(index, FaqIndex)]
        self.matches: list[Match] = []  # questions of the lists that are like this one, best first
        self.known = False  # the best of them is this one
        self.passages: list[tuple[Passage, float]] = []
        self.windows: list[Window] = []  # not read yet
        self.found: list[Found] = []


@dataclass(frozen=True, slots=True)
class Search:
    question: Question


@dataclass(frozen=True, slots=True)
class Read:
    """A micro-batch of windows, of one or several questions."""

    work: list[tuple[Question, Window]]


class AnsweringScheduler(Scheduler[Question, Search | Read, list[list[Found]]]):
    """A step searches for one question, or reads some windows."""

    def __init__(self, artifact: Artifact, *, threads: int, device: str, slots: int, max_waiting: int) -> None:
        super().__init__(slots=slots, max_waiting=max_waiting)
        self.finds_only = artifact.model == "dual"
        if self.finds_only:
            self.finder = Embedder(artifact, threads=threads, device=device)
        else:
            self.reader = Reader(artifact, threads=threads, device=device)
        self.indexes, self.embedders = IndexCache(), Embedders(threads)

    def prepare(self, request: Request) -> Question:
        checked_text(request)
        if not request.documents:
            raise RequestError("There are no documents to search", remedy="Add a document first")
        return Question(request, [self.indexes.get(Path(path)) for path in request.documents])

    def schedule(self) -> Search | Read | None:
        if len(self.running) < self.slots and (question := self.next_waiting()):
            question.emit(Chunk(stage="searching"))
            return Search(question)
        work: list[tuple[Question, Window]] = []
        longest = 0
        for question in sorted(self.running):
            for window in question.windows:
                longest = max(longest, len(window))
                if work and longest * (len(work) + 1) > TOKENS_A_STEP:
                    return Read(work)
                work.append((question, window))
        return Read(work) if work else None

    def run(self, batch: Search | Read) -> list[list[Found]]:
        if isinstance(batch, Read):
            return self.reader.read([window for _, window in batch.work])
        self._search(batch.question)
        return []

    def update(self, batch: Search | Read, output: list[list[Found]]) -> None:
        if isinstance(batch, Search):
            question = batch.question
            question.emit(Chunk(stage="reading", result={"passages": _passages(question)}))
            questions = [question]
        else:
            questions = list(dict.fromkeys(question for question, _ in batch.work))
            self.count(len(batch.work), 0)
            for (question, window), found in zip(batch.work, output, strict=True):
                question.windows.remove(window)
                question.found += found
        for question in questions:
            if not question.windows:
                self._answer(question)

    def _search(self, question: Question) -> None:
        text = question.request.text
        self._look_up(question, text)
        if question.known:
            return
        hits = [hit for index in question.indexes for hit in self._hits(index, text)]
        question.passages = sorted(hits, key=lambda hit: -hit[1])[:PASSAGES]
        if self.finds_only:
            return
        windows = self.reader.windows(self.reader.question(text), [passage.text for passage, _ in question.passages])
        question.windows = sorted(windows, key=len)  # neighbours of like length need little padding

    def _hits(self, index: PassageIndex, text: str) -> list[tuple[Passage, float]]:
        """By words, and by meaning where the index has vectors; a model that only finds weighs the best by meaning."""
        if not self.finds_only:
            return index.search(text, PASSAGES, vector=self.embedders.vector(index.dense, text))
        found = [passage for passage, _ in index.search(text, RANKED, vector=self.embedders.vector(index.dense, text))]
        vectors = self.finder([text, *(f"{passage.title}\n{passage.text}" for passage in found)])
        return list(zip(found, np.maximum(0.0, vectors[1:] @ vectors[0]).tolist(), strict=True))

    def _look_up(self, question: Question, text: str) -> None:
        """In the lists of questions: one that is like enough needs no reading."""
        found = [match for index in question.lists
                 for match in index.search(text, QUESTIONS, vector=self.embedders.vector(index.dense, text))]
        question.matches = sorted(found, key=lambda match: (-match.sure, -match.similarity))[:QUESTIONS]
        question.known = bool(found) and question.matches[0].sure
        if question.known:
            best = question.matches[0]
            question.passages = [(Passage("", best.question, best.answer, 0), best.similarity)]

    def _answer(self, question: Question) -> None:
        self.tokens += 1
        if question.known:
            meant = question.matches[0]
            whole = {"text": meant.answer, "passage": 0, "start": 0, "end": len(meant.answer),
                     "score": meant.similarity}
            return self.finish(question, "stop", text=meant.answer, result={
                "passages": _passages(question), "answers": [whole], "known": True, **_matches(question)})
        if self.finds_only:
            return self._give_passage(question)
        best, withheld = ranked(question.found, question.passages, self.reader.confidence)
        answers = [{"text": question.passages[found.passage][0].text[found.start : found.end], "passage": found.passage,
                    "start": found.start, "end": found.end, "score": score} for found, score in best]  # fmt: skip
        self.finish(question, "stop", text=answers[0]["text"] if answers else "",
                    result={"passages": _passages(question), "answers": answers,
                            **({"withheld": withheld} if withheld else {}), **_matches(question)})

    def _give_passage(self, question: Question) -> None:
        """Of a model that only finds: the best passage is the answer."""
        answers = [{"text": passage.text, "passage": place, "start": 0, "end": len(passage.text), "score": score}
                   for place, (passage, score) in enumerate(question.passages[:1])]
        self.finish(question, "stop", text=answers[0]["text"] if answers else "",
                    result={"passages": _passages(question), "answers": answers, **_matches(question)})


def ranked(found: list[Found], passages: list[tuple[Passage, float]], confidence: Confidence,
           ) -> tuple[list[tuple[Found, float]], float]:
    """The best answers with their scores (0 to 1): how likely each is right, from how much likelier it is for the
    reader than no answer, less what its passage's retrieval score falls short of the best one's.

    Overlapping spans, the same text again and what is below the threshold are left out. Also the score of the best
    answer that is below the threshold, 0 where there is none.
    """
    top = max((score for _, score in passages), default=1.0)
    margins = [f.span.margin - RETRIEVAL_WEIGHT * (1 - passages[f.passage][1] / top) for f in found]
    kept: list[tuple[Found, float]] = []
    for answer, margin in sorted(zip(found, margins, strict=True), key=lambda pair: -pair[1]):
        fits = margin >= confidence.threshold and not any(_same(answer, other, passages) for other, _ in kept)
        if fits and len(kept) < ANSWERS:
            kept.append((answer, confidence.score(margin)))
    below = [margin for margin in margins if margin < confidence.threshold]
    return kept, confidence.score(max(below)) if below else 0.0


def _same(first: Found, second: Found, passages: list[tuple[Passage, float]]) -> bool:
    if first.passage == second.passage and first.start < second.end and second.start < first.end:
        return True
    texts = [passages[found.passage][0].text[found.start : found.end].casefold() for found in (first, second)]
    return texts[0] == texts[1]


def _matches(question: Question) -> dict[str, Any]:
    return {"questions": [asdict(match) for match in question.matches]} if question.matches else {}


def _passages(question: Question) -> list[dict[str, Any]]:
    return [{"document": p.document, "title": p.title, "text": p.text, "score": score}
            for p, score in question.passages]
