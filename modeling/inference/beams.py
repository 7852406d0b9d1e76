"""Encoder-decoders at work: each piece of a text is a group of beams; the groups of one beam width share a batch.

How a network wants to be spoken to stands in its manifest's `preprocessing`; every key can be left out:
`start`: the token that its decoder begins with (`<s>`). `end`: the token that ends a text (`</s>`).
`before`, `after`: tokens around each source (none, and `end`). `prefix`: a text before each source.
`tags`: target language -> the token in front of its sources (the tokenizer's `<2xx>`; a model of one direction
can have none). `forced`: tokens that each text begins with. `forbidden`: tokens that no text has.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modeling.artifact import Artifact
from modeling.decoding import BeamSearch, Rules
from modeling.errors import ArtifactError
from modeling.glossary import WIDTH, ConstrainedSearch, Terms
from modeling.inference.model_runner import BeamRunner, EncoderDecoderRunner
from modeling.inference.request import Chunk, Request, SamplingParams
from modeling.inference.scheduler import Job, Scheduler
from modeling.text import StreamingDetokenizer, Tokenizer

ENCODE = 16  # sources that are encoded in one step


@dataclass(slots=True, eq=False)
class Segment:
    """A piece on its way, or what stands between two (then it has no ids, and the target is given)."""

    source: str
    target: str = ""
    ids: list[int] = field(default_factory=list)
    search: BeamSearch | None = None
    detokenizer: StreamingDetokenizer | None = None
    sent: list[int] = field(default_factory=list)  # token ids whose text is in `target`
    started: bool = False
    done: bool = False


class Text(Job):
    """A text: its segments run side by side and come out in order."""

    def __init__(self, request: Request, segments: list[Segment]) -> None:
        super().__init__(request)
        self.segments = segments
        self.next_out = 0  # the segment whose text is going out
        self.shown = 0  # characters of it that are out
        self.active = 0  # groups that it holds

    def unstarted(self, width: int) -> Segment | None:
        """The next segment for a lane of this beam width."""
        return next((segment for segment in self.segments
                     if not segment.started and segment.search and segment.search.width == width), None)

    @property
    def widths(self) -> set[int]:
        """Of the segments that have not begun."""
        return {segment.search.width for segment in self.segments if segment.search and not segment.started}

    @property
    def truncated(self) -> bool:
        return any(segment.search.best().truncated for segment in self.segments if segment.search)


@dataclass(frozen=True, slots=True)
class Encode:
    """Sources that join a running batch."""

    lane: Lane
    work: list[tuple[Text, Segment]]


@dataclass(frozen=True, slots=True)
class Decode:
    """One token for each hypothesis of a running batch."""

    lane: Lane


class Lane:
    """The running batch of one beam width."""

    def __init__(self, runner: BeamRunner) -> None:
        self.runner = runner
        self.groups: list[tuple[Text, Segment]] = []  # by group number


class Manner:
    """How a network is spoken to, by its manifest."""

    def __init__(self, artifact: Artifact) -> None:
        told, self.tokenizer = artifact.preprocessing, artifact.tokenizer
        self.source_tokenizer: Tokenizer = artifact.source_tokenizer
        self.end = _required(told.get("end", self.tokenizer.eos_id), "</s>")
        self.start = _required(told.get("start", self.tokenizer.bos_id), "<s>")
        end = self.source_tokenizer.eos_id if "end" not in told else self.end
        self.before, self.prefix = list(told.get("before", [])), str(told.get("prefix", ""))
        self.after = list(told.get("after", [] if end is None else [end]))
        self.forced, self.forbidden = tuple(told.get("forced", ())), tuple(told.get("forbidden", ()))
        self.tags: Mapping[str, int] | None = told.get("tags")

    def tag(self, language: str, *, needed: bool) -> list[int]:
        """What stands in front of the sources of a target language."""
        found = self.source_tokenizer.token_id(f"<2{language}>") if self.tags is None else self.tags.get(language)
        return [_required(found, f"<2{language}>")] if needed or found is not None else []

    def framed(self, ids: Sequence[int], tag: Sequence[int] = ()) -> list[int]:
        return [*self.before, *tag, *ids, *self.after]

    def encode(self, text: str) -> list[int]:
        return self.source_tokenizer.encode(self.prefix + text)


class BeamScheduler(Scheduler[Text, Encode | Decode, Any]):
    """Admits segments, those of the request with the fewest running ones first, and steps the lanes in turn."""

    def __init__(self, artifact: Artifact, *, threads: int, device: str, slots: int, max_waiting: int) -> None:
        super().__init__(slots=slots, max_waiting=max_waiting)
        self.runner = EncoderDecoderRunner(artifact, threads=threads, device=device)
        self.tokenizer, self.manner = artifact.tokenizer, Manner(artifact)
        self.lanes: dict[int, Lane] = {}
        self._turn = 0

    @abstractmethod
    def result(self, job: Text) -> dict[str, Any]:
        """What the last chunk of a finished text tells beside its text."""

    def begin(self, segment: Segment, sampling: SamplingParams, limit: int, terms: Sequence[str] = ()) -> None:
        """Give a segment its search, for at most `limit` tokens, that ends only when it has the terms."""
        limit = min(sampling.max_tokens, self.runner.capacity, limit)
        rules = Rules(end=self.manner.end, max_tokens=max(limit, 1 + len(self.manner.forced)),
                      min_tokens=min(sampling.min_tokens, limit), length_penalty=sampling.length_penalty,
                      no_repeat=sampling.no_repeat, forced=self.manner.forced, forbidden=self.manner.forbidden)
        segment.detokenizer = self.tokenizer.detokenizer()
        segment.search = ConstrainedSearch(width=WIDTH, rules=rules, terms=Terms(self.tokenizer, terms)) if terms \
            else BeamSearch(width=sampling.beam, rules=rules)

    def schedule(self) -> Encode | Decode | None:
        with self.lock:
            widths = set().union(*(job.widths for job in (*self.waiting, *self.running)))
        for width in sorted(widths):
            if work := self._admissible(width):
                return Encode(self._lane(width), work)
        lanes = [lane for lane in self.lanes.values() if lane.groups]
        self._turn += 1
        return Decode(lanes[self._turn % len(lanes)]) if lanes else None

    def run(self, batch: Encode | Decode) -> Any:
        if isinstance(batch, Encode):
            return self.runner.encode([segment.ids for _, segment in batch.work])
        wanted = any(segment.search and segment.search.needs_logits for _, segment in batch.lane.groups)
        return batch.lane.runner.step(len(batch.lane.groups), logits=wanted)

    def update(self, batch: Encode | Decode, output: Any) -> None:
        lane = batch.lane
        if isinstance(batch, Encode):
            for work, source in zip(batch.work, output, strict=True):
                lane.runner.admit(len(lane.groups), source, self.manner.start)
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

    def release(self, job: Text) -> None:
        for lane in self.lanes.values():
            for owner, segment in lane.groups.copy():
                if owner is job:
                    self._free(lane, job, segment)

    def _lane(self, width: int) -> Lane:
        if width not in self.lanes:
            self.lanes[width] = Lane(BeamRunner(self.runner, width=width, groups=self.slots))
        return self.lanes[width]

    def _admissible(self, width: int) -> list[tuple[Text, Segment]]:
        """Take the next segments that find a free group."""
        room = self.slots - (len(self.lanes[width].groups) if width in self.lanes else 0)
        work: list[tuple[Text, Segment]] = []
        while len(work) < min(room, ENCODE):
            with self.lock:
                jobs = [job for job in (*self.running, *self.waiting) if job.unstarted(width)]
                if not jobs:
                    break
                job = min(jobs, key=lambda job: (-job.request.priority, job.active, job.order))
                if job in self.waiting:
                    self.waiting.remove(job)
                    self.start(job)
            segment = job.unstarted(width)
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
            parents, tokens = segment.search.advance(runner.top_ids[own], runner.top_logprobs[own], runner.logits[own])
            runner.token[own, 0] = tokens
            changed = np.flatnonzero(parents != np.arange(width))
            if len(changed):
                rows += (changed + group * width).tolist()
                sources += (parents[changed] + group * width).tolist()
                shared.append(segment.search.shared)
        if rows:
            runner.reorder(rows, sources, min(shared))

    def _free(self, lane: Lane, job: Text, segment: Segment) -> None:
        """Give the group back; the last one moves into its place."""
        group = lane.groups.index((job, segment))
        last = lane.groups.pop()
        lane.runner.move(len(lane.groups), group)
        if group < len(lane.groups):
            lane.groups[group] = last
        job.active -= 1

    def _send(self, job: Text) -> None:
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
            self.finish(job, "length" if job.truncated else "stop", text=text, token_ids=tuple(ids),
                        result=self.result(job))
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


def _required(token: int | None, name: str) -> int:
    if token is None:
        raise ArtifactError(f"The tokenizer has no token {name}", remedy="Export the model again")
    return token
