"""What goes into the engine and what comes out of it: Request, SamplingParams, Chunk. Plain data, no ONNX Runtime."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from modeling.errors import ConfigError

FinishReason = Literal["stop", "length", "cancelled", "error"]
Stage = Literal["queued", "searching", "reading"]


def _check(holds: bool, name: str, value: object, allowed: str) -> None:
    if not holds:
        raise ConfigError(f"{name} is {value!r}", allowed=f"It must be {allowed}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParams:
    """How the next token is chosen."""

    temperature: float = 0.8  # 0 is greedy
    top_k: int = 64  # best candidates kept, 1 to 64
    top_p: float = 0.95  # probability mass kept, above 0 and at most 1
    repetition_penalty: float = 1.0  # 1 is none; divides the logits of the last 64 tokens (Keskar et al. 2019, 4.1)
    max_tokens: int = 256  # new tokens at most
    stop: tuple[str, ...] = ()  # texts that end the answer and are not part of it
    seed: int | None = None  # the same seed gives the same answer
    beam: int = 4  # translation and summaries: hypotheses kept; 1 is greedy
    length_penalty: float = 1.0  # of a beam: a text scores its log probability over its length to this power
    no_repeat: int = 0  # of a beam: no run of so many tokens comes twice; 0 lets them
    threshold: float | None = None  # classification: below this probability not sure; None takes the artifact's
    min_tokens: int = 0  # of a beam: a text (of a summary, each part's) does not end before

    def __post_init__(self) -> None:
        _check(0 <= self.temperature <= 5, "temperature", self.temperature, "0 to 5")
        _check(1 <= self.top_k <= 64, "top_k", self.top_k, "1 to 64")
        _check(0 < self.top_p <= 1, "top_p", self.top_p, "above 0 and at most 1")
        _check(1 <= self.repetition_penalty <= 3, "repetition_penalty", self.repetition_penalty, "1 to 3")
        _check(1 <= self.max_tokens <= 4096, "max_tokens", self.max_tokens, "1 to 4096")
        _check(len(self.stop) <= 8 and all(0 < len(s) <= 64 for s in self.stop), "stop", self.stop,
               "up to 8 texts of 1 to 64 characters")
        _check(1 <= self.beam <= 8, "beam", self.beam, "1 to 8")
        _check(0 <= self.length_penalty <= 3, "length_penalty", self.length_penalty, "0 to 3")
        _check(0 <= self.no_repeat <= 16, "no_repeat", self.no_repeat, "0 to 16")
        _check(self.threshold is None or 0 <= self.threshold <= 1, "threshold", self.threshold, "0 to 1")
        _check(0 <= self.min_tokens <= self.max_tokens, "min_tokens", self.min_tokens, "0 to max_tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class Latent:
    """What a sentence autoencoder is asked for.

    "sample": so many sentences drawn from the prior; the request's text plays no part. "interpolate": the way from the
    request's text to `second` in so many steps, both ends included. "reconstruct": the request's text over again.
    """

    mode: Literal["sample", "interpolate", "reconstruct"] = "sample"
    second: str = ""  # interpolate: the sentence at the other end
    lines: int = 8  # sample: sentences; interpolate: steps
    path: Literal["spherical", "linear"] = "spherical"  # interpolate: along the arc or along the line

    def __post_init__(self) -> None:
        modes, paths = ("sample", "interpolate", "reconstruct"), ("spherical", "linear")
        _check(self.mode in modes, "mode", self.mode, f"one of {', '.join(modes)}")
        _check(self.path in paths, "path", self.path, f"one of {', '.join(paths)}")
        _check(2 <= self.lines <= 32, "lines", self.lines, "2 to 32")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One question to one model."""

    artifact: str  # folder of the artifact
    text: str  # prompt, source text, text to classify or to summarise, question
    sampling: SamplingParams = field(default_factory=SamplingParams)
    source_language: str | None = None  # translation: ISO 639-1
    target_language: str | None = None  # translation: ISO 639-1
    glossary: tuple[tuple[str, str], ...] = ()  # translation: terms with their translations, which are kept
    documents: tuple[str, ...] = ()  # question answering: PassageIndex folders to search
    sentences: int | None = None  # summary of chosen sentences: how many; None lets the engine choose
    explain: bool = False  # classification: whether the words that carried the answer are wanted
    history: tuple[str, ...] = ()  # generation: the conversation before `text`, its user's and its own in turn
    latent: Latent | None = None  # sentence autoencoder: None writes the text over again
    priority: int = 0  # higher goes first; background work uses -1
    deadline: float | None = None  # seconds from now after which nobody wants the answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A piece of an answer. The last one of a stream has a `finish_reason`.

    `result` is the task's structured answer:
    classification `{"labels": [{"label", "probability"}, ...], "sure": bool}`, best first, not `sure` below the
    threshold; where a text can have several labels, each with `given`, whether it has it, and no `sure`; explained,
    also `{"words": [{"start", "end", "weight"}, ...]}`, by how much the best label's log-odds fall without a span;
    question answering, stage "reading": `{"passages": [{"document", "title", "text", "score"}, ...]}`, and at the end
    also `{"answers": [{"text", "passage", "start", "end", "score"}, ...]}` with `passage` an index into `passages`
    and `start`, `end` characters in that passage's text, and `withheld`, the score of the best answer below the
    threshold, where there is one; where lists of questions are searched too also `{"questions": [{"question", "answer",
    "similarity", "sure"}, ...]}`, best first, each `sure` where it is alike enough to be meant, and with `known` the
    first of them is, and its answer the only passage;
    summarisation `{"sentences": [{"index", "text", "start", "end", "score"}, ...]}` in the order of the text, or where
    the summary is written anew `{"copied": [{"start", "end", "from", "to"}, ...], "parts", "read", "characters"}`: the
    summary's characters `start` to `end` stand word for word in the text as `from` to `to`; it was read in `parts`, the
    first `read` of its `characters`;
    translation, at the end: `{"segments": [{"source", "target"}, ...], "terms": [{"source", "target", "start", "end"},
    ...]}`: the terms of the glossary, `start` to `end` in the whole translation;
    generation: `{"candidates": [[[text, logprob], ...], ...]}`, for each token of this chunk the best ones and itself;
    of a sentence autoencoder one line of text a sentence.
    """

    text: str = ""
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    stage: Stage | None = None
    result: dict[str, Any] | None = None
    finish_reason: FinishReason | None = None
    error: str | None = None  # with finish_reason "error": what happened and what to do, in plain words


class Stream(Protocol):
    """An answer on its way: iterate over its chunks; `cancel()` ends it with finish_reason "cancelled"."""

    def __aiter__(self) -> AsyncIterator[Chunk]: ...

    async def cancel(self) -> None: ...


class Engine(Protocol):
    """The one name that the web knows. Implemented in the process and over a socket alike."""

    async def submit(self, request: Request) -> Stream:
        """Queue a request.

        Raises EngineBusyError when the queue is full, RequestError when the request cannot be served as it stands
        (unknown artifact, prompt longer than the context), EngineUnavailableError when there is no engine.
        """
        ...

    async def stats(self) -> dict[str, Any]: ...
