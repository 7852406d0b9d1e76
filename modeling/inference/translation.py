"""Translation: each sentence is a group of beams; the groups of one beam width share a running batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modeling.artifact import Artifact
from modeling.datasets.languages import language_of
from modeling.decoding import BeamSearch
from modeling.errors import ArtifactError, RequestError
from modeling.inference.model_runner import BeamRunner, TranslationRunner
from modeling.inference.request import Chunk, Request
from modeling.inference.scheduler import Job, Scheduler
from modeling.text import StreamingDetokenizer, Tokenizer, sentences

ENCODE = 16  # sentences that are encoded in one step
LONGEST_TEXT = 100_000  # characters of a request
_UNSPACED = ("zh", "ja")  # languages that write no space between sentences


@dataclass(slots=True, eq=False)
class Segment:
    """A sentence on its way, or what stands between two (then it has no ids, and the target is given)."""

    source: str
    target: str = ""
    ids: list[int] = field(default_factory=list)
    search: BeamSearch | None = None
    detokenizer: StreamingDetokenizer | None = None
    sent: list[int] = field(default_factory=list)  # token ids whose text is in `target`
    started: bool = False
    done: bool = False


class Translation(Job):
    """A text: its segments run side by side and come out in order."""

    def __init__(self, request: Request, segments: list[Segment]) -> None:
        super().__init__(request)
        self.segments = segments
        self.next_out = 0  # the segment whose text is going out
        self.shown = 0  # characters of it that are out
        self.tokens_out = 0  # and tokens
        self.active = 0  # groups that it holds

    @property
    def unstarted(self) -> Segment | None:
        return next((segment for segment in self.segments if not segment.started), None)


@dataclass(frozen=True, slots=True)
class Encode:
    """Sentences that join a running batch."""

    lane: Lane
    work: list[tuple[Translation, Segment]]


@dataclass(frozen=True, slots=True)
class Decode:
    """One token for each hypothesis of a running batch."""

    lane: Lane


class Lane:
    """The running batch of one beam width."""

    def __init__(self, runner: BeamRunner) -> None:
        self.runner = runner
        self.groups: list[tuple[Translation, Segment]] = []  # by group number


class TranslationScheduler(Scheduler[Translation, Encode | Decode, Any]):
    """Admits sentences, the request with the fewest running ones first, and steps the lanes in turn."""

    def __init__(self, artifact: Artifact, *, threads: int, device: str, slots: int, max_waiting: int) -> None:
        super().__init__(slots=slots, max_waiting=max_waiting)
        self.runner = TranslationRunner(artifact, threads=threads, device=device)
        self.tokenizer, self.directions = artifact.tokenizer, tuple(artifact.config["directions"])
        self.lanes: dict[int, Lane] = {}
        self._turn = 0
        self._first, self._last = _required(self.tokenizer.bos_id, "<s>"), _required(self.tokenizer.eos_id, "</s>")

    def prepare(self, request: Request) -> Translation:
        source, target = self._direction(request)
        if len(request.text) > LONGEST_TEXT:
            raise RequestError(f"The text has {len(request.text)} characters", remedy="Translate it in parts",
                               allowed=f"Up to {LONGEST_TEXT} can be translated at once")
        tag = _required(self.tokenizer.token_id(f"<2{target}>"), f"<2{target}>")
        room = self.runner.capacity - 2  # the tag and the end
        segments = list(_segments(request.text, target, self.tokenizer, room))
        if not segments:
            raise RequestError("The text is empty", remedy="Write what is to be translated")
        for segment in segments:
            if segment.ids:
                segment.ids = [tag, *segment.ids, self._last]
                segment.detokenizer = self.tokenizer.detokenizer()
                limit = min(request.sampling.max_tokens, self.runner.capacity, 3 * len(segment.ids) + 20)
                segment.search = BeamSearch(width=request.sampling.beam, end=self._last, max_tokens=limit)
        return Translation(request, segments)

    def schedule(self) -> Encode | Decode | None:
        for width in {job.request.sampling.beam for job in (*self.waiting, *self.running)}:
            if work := self._admissible(width):
                return Encode(self._lane(width), work)
        lanes = [lane for lane in self.lanes.values() if lane.groups]
        self._turn += 1
        return Decode(lanes[self._turn % len(lanes)]) if lanes else None

    def run(self, batch: Encode | Decode) -> Any:
        if isinstance(batch, Encode):
            return self.runner.encode([segment.ids for _, segment in batch.work])
        return batch.lane.runner.step(len(batch.lane.groups))

    def update(self, batch: Encode | Decode, output: Any) -> None:
        lane = batch.lane
        if isinstance(batch, Encode):
            for work, source in zip(batch.work, output, strict=True):
                lane.runner.admit(len(lane.groups), source, self._first)
                lane.groups.append(work)
            return
        groups = lane.groups.copy()
        self.count(len(groups), len(groups))
        self._advance(lane)
        for job, segment in groups:
            assert segment.search is not None
            segment.done = segment.search.done
            if segment.done:
                self._free(lane, job, segment)
        for job in dict.fromkeys(job for job, _ in groups):
            self._send(job)

    def release(self, job: Translation) -> None:
        lane = self._lane(job.request.sampling.beam)
        for owner, segment in lane.groups.copy():
            if owner is job:
                self._free(lane, job, segment)

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

    def _lane(self, width: int) -> Lane:
        if width not in self.lanes:
            self.lanes[width] = Lane(BeamRunner(self.runner, width=width, groups=self.slots))
        return self.lanes[width]

    def _admissible(self, width: int) -> list[tuple[Translation, Segment]]:
        """Take the next sentences that find a free group."""
        room = self.slots - (len(self.lanes[width].groups) if width in self.lanes else 0)
        work: list[tuple[Translation, Segment]] = []
        while len(work) < min(room, ENCODE):
            with self.lock:
                jobs = [job for job in (*self.running, *self.waiting)
                        if job.request.sampling.beam == width and job.unstarted]
                if not jobs:
                    break
                job = min(jobs, key=lambda job: (-job.request.priority, job.active, job.order))
                if job in self.waiting:
                    self.waiting.remove(job)
                    self.start(job)
            segment = job.unstarted
            assert segment is not None
            segment.started = True
            job.active += 1
            work.append((job, segment))
        return work

    def _advance(self, lane: Lane) -> None:
        """Let each beam search choose, and bring the cache in the order that they chose."""
        runner, width = lane.runner, lane.runner.width
        rows: list[int] = []
        sources: list[int] = []
        shared: list[int] = []
        for group, (_, segment) in enumerate(lane.groups):
            assert segment.search is not None
            own = slice(group * width, (group + 1) * width)
            parents, tokens = segment.search.advance(runner.top_ids[own], runner.top_logprobs[own])
            runner.token[own, 0] = tokens
            changed = np.flatnonzero(parents != np.arange(width))
            if len(changed):
                rows += (changed + group * width).tolist()
                sources += (parents[changed] + group * width).tolist()
                shared.append(segment.search.shared)
        if rows:
            runner.reorder(rows, sources, min(shared))

    def _free(self, lane: Lane, job: Translation, segment: Segment) -> None:
        """Give the group back; the last one moves into its place."""
        group = lane.groups.index((job, segment))
        last = lane.groups.pop()
        lane.runner.move(len(lane.groups), group)
        if group < len(lane.groups):
            lane.groups[group] = last
        job.active -= 1

    def _send(self, job: Translation) -> None:
        """Emit what has become certain, in the order of the text."""
        text, ids = "", []
        while job.next_out < len(job.segments):
            segment = job.segments[job.next_out]
            ids += _settle(segment)
            text += segment.target[job.shown :]
            job.shown = len(segment.target)
            if not segment.done:
                break
            job.next_out, job.shown = job.next_out + 1, 0
        if job.next_out == len(job.segments):
            self.finish(job, "length" if _truncated(job) else "stop", text=text, token_ids=tuple(ids),
                        result={"segments": [{"source": s.source, "target": s.target} for s in job.segments if s.ids]})
        elif text:
            job.emit(Chunk(text=text, token_ids=tuple(ids)))


def _settle(segment: Segment) -> list[int]:
    """Put the tokens on which all hypotheses agree into the target; return the new ones."""
    if segment.search is None or segment.detokenizer is None or not segment.started:
        return []
    agreed = segment.search.agreed()
    new = agreed[len(segment.sent) :]
    segment.sent = agreed
    segment.target += segment.detokenizer.add(new)
    if segment.done:
        segment.target += segment.detokenizer.flush()
    return new


def _truncated(job: Translation) -> bool:
    return any(segment.search.best().truncated for segment in job.segments if segment.search)


def _required(token: int | None, name: str) -> int:
    if token is None:
        raise ArtifactError(f"The tokenizer has no token {name}", remedy="Export the model again")
    return token


def _segments(text: str, target: str, tokenizer: Tokenizer, room: int) -> list[Segment]:
    """Sentences and what stands between them. Line breaks stay; other gaps become what the target language writes."""
    space = "" if target in _UNSPACED else " "
    segments: list[Segment] = []
    end = 0
    for start, stop in [piece for span in sentences(text) for piece in _lines(text, span)]:
        between = text[end:start]
        gap = between if "\n" in between else space
        for part, ids in _parts(text[start:stop], tokenizer, room):
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


def _parts(sentence: str, tokenizer: Tokenizer, room: int) -> list[tuple[str, list[int]]]:
    """A sentence with its ids; one that is too long for the model is halved, at a space if there is one."""
    ids = tokenizer.encode(sentence)
    if len(ids) <= room or len(sentence) < 2:
        return [(sentence, ids[:room])] if ids else []
    middle = len(sentence) // 2
    spaces = [at for at, character in enumerate(sentence) if character in " ,;，；、" and 0 < at < len(sentence) - 1]
    cut = min(spaces, key=lambda at: abs(at - middle)) + 1 if spaces else middle
    return _parts(sentence[:cut], tokenizer, room) + _parts(sentence[cut:], tokenizer, room)
