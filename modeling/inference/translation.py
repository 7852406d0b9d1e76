"""Translation: each sentence is a segment; the terms of a glossary are kept."""

from __future__ import annotations

from typing import Any

from modeling.artifact import Artifact
from modeling.datasets.languages import language_of
from modeling.errors import RequestError
from modeling.glossary import LONGEST_TERM, MOST_TERMS, Found, found_terms, place_of
from modeling.inference.beams import BeamScheduler, Manner, Segment, Text
from modeling.inference.request import Request
from modeling.text import sentences

LONGEST_TEXT = 100_000  # characters of a request
_UNSPACED = ("zh", "ja")  # languages that write no space between sentences


class Translation(Text):
    """A text with the terms that each of its segments has to keep."""

    def __init__(self, request: Request, segments: list[Segment]) -> None:
        super().__init__(request, segments)
        self.terms: list[list[Found]] = [found_terms(one.source, request.glossary) if one.ids else []
                                         for one in segments]


class TranslationScheduler(BeamScheduler):
    """Translates sentence by sentence."""

    def __init__(self, artifact: Artifact, *, threads: int, device: str, slots: int, max_waiting: int) -> None:
        super().__init__(artifact, threads=threads, device=device, slots=slots, max_waiting=max_waiting)
        self.directions = tuple(artifact.config["directions"])

    def prepare(self, request: Request) -> Translation:
        source, target = self._direction(request)
        if len(request.text) > LONGEST_TEXT:
            raise RequestError(f"The text has {len(request.text)} characters", remedy="Translate it in parts",
                               allowed=f"Up to {LONGEST_TEXT} can be translated at once")
        _check_glossary(request)
        tag = self.manner.tag(target, needed=len(self.directions) > 1)
        room = self.runner.source_capacity - len(self.manner.framed((), tag))
        job = Translation(request, list(_segments(request.text, target, self.manner, room)))
        if not job.segments:
            raise RequestError("The text is empty", remedy="Write what is to be translated")
        for segment, terms in zip(job.segments, job.terms, strict=True):
            if segment.ids:
                segment.ids = self.manner.framed(segment.ids, tag)
                self.begin(segment, request.sampling, 3 * len(segment.ids) + 20, [term.target for term in terms])
        return job

    def result(self, job: Text) -> dict[str, Any]:
        assert isinstance(job, Translation)
        kept, at = [], 0
        for segment, terms in zip(job.segments, job.terms, strict=True):
            for term in terms:
                if (place := place_of(term.target, segment.target)) >= 0:
                    start = at + place
                    kept.append({"source": term.source, "target": term.target, "start": start,
                                 "end": start + len(term.target)})
            at += len(segment.target)
        segments = [{"source": one.source, "target": one.target} for one in job.segments if one.ids]
        return {"segments": segments, **({"terms": kept} if kept else {})}

    def _direction(self, request: Request) -> tuple[str, str]:
        """Source and target language. What the request leaves open is what the text looks like, else the first."""
        fits = [pair for pair in (direction.split("-") for direction in self.directions)
                if request.source_language in (None, pair[0]) and request.target_language in (None, pair[1])]
        if not fits:
            asked = f"{request.source_language or 'any'} to {request.target_language or 'any'}"
            raise RequestError(f"The direction {asked} is not known",
                               allowed=f"This model translates {', '.join(self.directions)}")
        language = language_of([request.text])
        source, target = next((pair for pair in fits if pair[0] == language), fits[0])
        return source, target


def _check_glossary(request: Request) -> None:
    if len(request.glossary) > MOST_TERMS:
        raise RequestError(f"The glossary has {len(request.glossary)} terms", allowed=f"At most {MOST_TERMS}")
    if any(not 0 < len(side.strip()) <= LONGEST_TERM for pair in request.glossary for side in pair):
        raise RequestError("A term of the glossary is empty or too long",
                           allowed=f"1 to {LONGEST_TERM} characters on both sides")


def _segments(text: str, target: str, manner: Manner, room: int) -> list[Segment]:
    """Sentences and what stands between them. Line breaks stay; other gaps become what the target language writes."""
    space = "" if target in _UNSPACED else " "
    segments: list[Segment] = []
    end = 0
    for start, stop in [piece for span in sentences(text) for piece in _lines(text, span)]:
        between = text[end:start]
        gap = between if "\n" in between else space
        for part, ids in _parts(text[start:stop], manner, room):
            if gap and (segments or "\n" in gap):
                segments.append(Segment(source=gap, target=gap, started=True, done=True))
            segments.append(Segment(source=part, ids=ids))
            gap = space
        end = stop
    return segments


def _lines(text: str, span: tuple[int, int]) -> list[tuple[int, int]]:
    """A sentence cut at its line breaks."""
    pieces, at = [], span[0]
    for line in text[slice(*span)].splitlines(keepends=True):
        if stripped := line.strip():
            start = at + line.index(stripped)
            pieces.append((start, start + len(stripped)))
        at += len(line)
    return pieces


def _parts(sentence: str, manner: Manner, room: int) -> list[tuple[str, list[int]]]:
    """A sentence with its ids; one that is too long for the model is halved, at a space if there is one."""
    ids = manner.encode(sentence)
    if len(ids) <= room or len(sentence) < 2:
        return [(sentence, ids[:room])] if ids else []
    middle = len(sentence) // 2
    spaces = [at for at, character in enumerate(sentence) if character in " ,;，；、" and 0 < at < len(sentence) - 1]
    cut = min(spaces, key=lambda at: abs(at - middle)) + 1 if spaces else middle
    return _parts(sentence[:cut], manner, room) + _parts(sentence[cut:], manner, room)
