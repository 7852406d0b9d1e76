"""Summaries that are written anew: a text longer than the encoder takes is read in parts, each summed up by itself."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from modeling.artifact import Artifact
from modeling.errors import RequestError
from modeling.inference.beams import BeamScheduler, Segment, Text
from modeling.inference.request import Request
from modeling.inference.scheduler import Scheduler
from modeling.inference.single_pass import ExtractiveScheduler, checked_text
from modeling.text import is_chinese, normalise, sentences

MOST_PARTS = 24  # what is behind them is not read, and the result says so
RUN, CHINESE_RUN = 3, 5  # words, or Chinese characters, in a row that count as copied
SEEN = 50  # places of one run that are looked at
_UNITS = re.compile("[\u3400-\u9fff]|[^\\W_\u3400-\u9fff]+")

Span = tuple[int, int]


def summarisation_scheduler(artifact: Artifact, **sizes: Any) -> Scheduler[Any, Any, Any]:
    """For a network that writes, or for a method that chooses sentences."""
    if writes_anew(artifact):
        return SummarisationScheduler(artifact, **sizes)
    return ExtractiveScheduler(artifact, **{**sizes, "slots": 1})


def writes_anew(artifact: Artifact) -> bool:
    """Whether its summaries are the model's own words."""
    return any(entry["role"] == "decoder" for entry in artifact.graphs)


class Summary(Text):
    """A text cut into parts."""

    def __init__(self, request: Request, segments: list[Segment], read: int) -> None:
        super().__init__(request, segments)
        self.read = read  # characters of the text that the parts hold


class SummarisationScheduler(BeamScheduler):
    """Sums up part by part."""

    def prepare(self, request: Request) -> Summary:
        text = checked_text(request)
        room = self.runner.source_capacity - len(self.manner.framed(()))
        spans = self._parts(text, room)
        if not spans:
            raise RequestError("The text is empty", remedy="Write or paste a text")
        segments: list[Segment] = []
        for start, end in spans[:MOST_PARTS]:
            if segments:
                gap = "\n" if len(spans) > 1 else ""
                segments.append(Segment(source=gap, target=gap, started=True, done=True))
            ids = self.manner.encode(normalise(text[start:end]))[:room]
            segments.append(Segment(source=text[start:end], ids=self.manner.framed(ids)))
            self.begin(segments[-1], request.sampling, self.runner.capacity)
        return Summary(request, segments, read=spans[:MOST_PARTS][-1][1])

    def result(self, job: Text) -> dict[str, Any]:
        assert isinstance(job, Summary)
        text, summary = job.request.text, "".join(one.target for one in job.segments)
        return {"copied": copied(summary, text), "parts": sum(bool(one.ids) for one in job.segments),
                "read": job.read, "characters": len(text.rstrip())}

    def _parts(self, text: str, room: int) -> list[Span]:
        """Stretches of whole sentences that the encoder takes; one sentence that it does not take is cut by it."""
        if len(self.manner.encode(normalise(text))) <= room:
            return [(0, len(text.rstrip()))] if text.strip() else []
        parts: list[list[int]] = []
        used = 0
        for start, end in sentences(text):
            size = len(self.manner.encode(text[start:end])) + 1
            if parts and used + size <= room:
                parts[-1][1], used = end, used + size
            else:
                parts.append([start, end])
                used = size
        return [(start, end) for start, end in parts]


def copied(summary: str, text: str) -> list[dict[str, int]]:
    """The longest runs of words of a summary that stand in the text in the same order; case does not count."""
    here, there = _units(summary), _units(text)
    run = CHINESE_RUN if is_chinese(summary) else RUN
    places: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for at in range(len(there) - run + 1):
        if len(known := places[tuple(word for word, _, _ in there[at : at + run])]) < SEEN:
            known.append(at)
    found, at = [], 0
    while at + run <= len(here):
        starts = places.get(tuple(word for word, _, _ in here[at : at + run]), ())
        best = max(starts, key=lambda start: (_alike(here, at, there, start), -start), default=None)
        if best is None:
            at += 1
            continue
        size = _alike(here, at, there, best)
        found.append({"start": here[at][1], "end": here[at + size - 1][2],
                      "from": there[best][1], "to": there[best + size - 1][2]})
        at += size
    return found


def _units(text: str) -> list[tuple[str, int, int]]:
    """Words, or Chinese characters, with their places."""
    return [(match[0].lower(), *match.span()) for match in _UNITS.finditer(text)]


def _alike(here: list[tuple[str, int, int]], at: int, there: list[tuple[str, int, int]], start: int) -> int:
    size = 0
    while at + size < len(here) and start + size < len(there) and here[at + size][0] == there[start + size][0]:
        size += 1
    return size
