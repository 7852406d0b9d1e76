"""Measures a model on rows that it has not seen, by the runners and schedulers that serve it, in large batches."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from modeling import metrics
from modeling.artifact import Artifact
from modeling.datasets import labels_of
from modeling.errors import DataError
from modeling.inference.classification import ClassificationScheduler
from modeling.inference.embedding import Embedder
from modeling.inference.figures import FIGURES, Prediction
from modeling.inference.generation import GenerationScheduler
from modeling.inference.latent import LatentScheduler
from modeling.inference.reading import Reader, Window
from modeling.inference.request import Chunk, Request, SamplingParams
from modeling.inference.scheduler import Scheduler
from modeling.inference.summarisation import summarisation_scheduler
from modeling.inference.translation import TranslationScheduler

Rows = Sequence[Mapping[str, Any]]
Item = TypeVar("Item")
BATCH_TOKENS = 8192  # padding included
ROWS = 32  # that a language model or a beam search works on at once
TELL_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A model, rows, and how to run the one on the others."""

    artifact: Artifact
    rows: Rows
    threads: int
    device: str = "cpu"
    sampling: SamplingParams = SamplingParams()
    on_progress: Callable[[int, int], None] = lambda done, total: None  # rows of all

    def told(self, items: Iterable[Item], total: int, size: Callable[[Item], int] = lambda item: 1) -> Iterator[Item]:
        """The items, telling every second how many of `total` are done."""
        done, last = 0, time.monotonic()
        for item in items:
            yield item
            done += size(item)
            if time.monotonic() - last >= TELL_SECONDS:
                last = time.monotonic()
                self.on_progress(done, total)


def evaluate(artifact: Artifact, rows: Rows, *, threads: int, device: str = "cpu",
             sampling: SamplingParams | None = None) -> dict[str, Any]:  # fmt: skip
    """`{"metrics": {...}, "rows": n, ...}` of the artifact's task. Raises DataError when nothing can be measured."""
    asked = Measurement(artifact=artifact, rows=rows, threads=threads, device=device,
                        sampling=sampling or SamplingParams())  # fmt: skip
    return FIGURES[artifact.task](artifact, predict(asked))


def predict(asked: Measurement) -> list[Prediction]:
    """What the model answers to each row that can be measured. Raises DataError when there is none."""
    if not asked.rows:
        raise DataError("There is nothing to measure", remedy="Give at least one row")
    return sorted(PREDICTORS[asked.artifact.task](asked), key=lambda found: found.row)


def batches(items: Iterable[Item], length: Callable[[Item], int]) -> Iterator[list[Item]]:
    """Items of like length together, each batch with about BATCH_TOKENS tokens."""
    batch: list[Item] = []
    for item in sorted(items, key=length):
        if batch and length(item) * (len(batch) + 1) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch


def _classification(asked: Measurement) -> Iterator[Prediction]:
    scheduler = ClassificationScheduler(asked.artifact, threads=asked.threads, device=asked.device, slots=1,
                                        max_waiting=1)  # fmt: skip
    encoded = [(index, scheduler.encoded(row["text"])) for index, row in enumerate(asked.rows)]
    for batch in asked.told(batches(encoded, lambda item: len(item[1])), len(encoded), len):
        for (index, _), shares in zip(batch, scheduler.runner.probabilities([ids for _, ids in batch]), strict=True):
            row, by_label = asked.rows[index], dict(zip(scheduler.labels, shares.tolist(), strict=True))
            if scheduler.several:
                yield _labelled(scheduler, index, row, shares.tolist())
                continue
            best, truth = scheduler.labels[int(shares.argmax())], str(row["label"])
            yield Prediction(row=index, input=row["text"], expected=truth, output=best,
                             score=by_label.get(truth, 0.0), confidence=by_label[best], right=float(best == truth))


def _labelled(
    scheduler: ClassificationScheduler, index: int, row: Mapping[str, Any], shares: list[float]
) -> Prediction:
    """Of a text that can have several labels: scored by the F1 of its labels."""
    given = {label for label, share, limit in zip(scheduler.labels, shares, scheduler.thresholds, strict=True)
             if share > limit}
    truth = set(labels_of(row))
    f1 = 2 * len(given & truth) / (len(given) + len(truth)) if given or truth else 1.0
    return Prediction(row=index, input=row["text"], expected=" | ".join(sorted(truth)),
                      output=" | ".join(sorted(given)), score=f1, right=float(given == truth))


def _reading(asked: Measurement) -> Iterator[Prediction]:
    """The best span over all windows of a row's passage, as if it had been found already.

    Of a question with an answer the best span counts, whatever its margin, as in SQuAD 1.1; of one without it counts
    whether an answer is given.
    """
    if asked.artifact.model == "dual":
        yield from _finding(asked)
        return
    reader = Reader(asked.artifact, threads=asked.threads, device=asked.device)
    rows = dict(enumerate(asked.rows))
    if not any(row["answers"] for row in asked.rows):
        raise DataError("No question has an answer", allowed="Exact match and F1 need answers in the rows")
    best = dict.fromkeys(rows, (-math.inf, -math.inf, ""))
    windows = list(_windows(reader, rows))
    for batch in asked.told(batches(windows, len), len(windows), len):
        for window, spans in zip(batch, reader.read(batch), strict=True):
            context = rows[window.passage]["context"]
            for found in spans:
                text = context[found.start : found.end]
                best[window.passage] = max(best[window.passage], (found.span.score, found.span.margin, text))
    for index, (_, margin, text) in best.items():
        row, truth = rows[index], [answer["text"] for answer in rows[index]["answers"]]
        em, f1 = (metrics.exact_match(text, truth), metrics.squad_f1(text, truth)) if truth else (0.0, 0.0)
        given = margin >= reader.confidence.threshold
        yield Prediction(row=index, input={"question": row["question"], "context": row["context"]}, expected=truth,
                         output=text if truth or given else "", score=f1 / 100 if truth else float(not given),
                         confidence=reader.confidence.score(margin), right=em / 100,
                         facts={"em": em, "f1": f1, "margin": margin, "answerable": float(bool(truth)),
                                "threshold": reader.confidence.threshold})  # fmt: skip


def _finding(asked: Measurement) -> Iterator[Prediction]:
    """Which of all the rows' passages lies nearest to each question."""
    embedder = Embedder(asked.artifact, threads=asked.threads, device=asked.device)
    passages = list(dict.fromkeys(row["context"] for row in asked.rows))
    place = {text: number for number, text in enumerate(passages)}
    known = embedder(passages)
    starts = range(0, len(asked.rows), ROWS)
    for start in asked.told(starts, len(asked.rows), lambda _: ROWS):
        rows = asked.rows[start : start + ROWS]
        for number, (row, scores) in enumerate(zip(rows, embedder([row["question"] for row in rows]) @ known.T,
                                                   strict=True)):
            rank = int((scores > scores[place[row["context"]]]).sum())
            yield Prediction(row=start + number, input=row["question"], expected=row["context"],
                             output=passages[int(scores.argmax())], score=1 / (rank + 1),
                             facts={f"recall_{depth}": float(rank < depth) for depth in (1, 5)})


def _windows(reader: Reader, rows: Mapping[int, Mapping[str, Any]]) -> Iterator[Window]:
    """All windows of all rows; `passage` is the row. Each context is tokenised once."""
    contexts = {row["context"] for row in rows.values()}
    encoded = {context: reader.tokenizer.encode_with_offsets(context) for context in contexts}
    for index, row in rows.items():
        yield from reader.encoded_windows(index, reader.question(row["question"]), *encoded[row["context"]])


def _translation(asked: Measurement) -> Iterator[Prediction]:
    """In each direction that the rows allow; all targets that they give for a source are its references."""
    directed = [(direction, _directed(asked.rows, direction)) for direction in asked.artifact.config["directions"]]
    total = sum(len(sources) for _, sources in directed)
    if not total:
        raise DataError("No row fits the model's directions",
                        allowed=f"It translates {', '.join(asked.artifact.config['directions'])}")
    work = ((direction, source, output, found) for direction, found in directed
            for source, output in _translated(asked, list(found), direction))
    for direction, source, output, found in asked.told(work, total):
        index, as_given, references = found[source]
        [score] = metrics.chrf_of_rows([output], [references])
        yield Prediction(row=index, input=source, expected=references, output=output, score=score / 100,
                         direction=direction, facts={"as_given": float(as_given)})


def _directed(rows: Rows, direction: str) -> dict[str, tuple[int, bool, list[str]]]:
    """Source -> its first row, whether that was given in this direction or its opposite, and all its targets."""
    pair, found = tuple(direction.split("-")), {}  # type: tuple[str, ...], dict[str, tuple[int, bool, list[str]]]
    for index, row in enumerate(rows):
        languages = (row["source_language"], row["target_language"])
        if pair in (languages, languages[::-1]):
            source, target = (row["source"], row["target"])[:: 1 if languages == pair else -1]
            found.setdefault(source, (index, languages == pair, []))[2].append(target)
    return found


def _translated(asked: Measurement, sources: list[str], direction: str) -> Iterator[tuple[str, str]]:
    """Each source with its translation, as it gets ready."""
    scheduler = TranslationScheduler(asked.artifact, threads=asked.threads, device=asked.device, slots=ROWS,
                                     max_waiting=ROWS)  # fmt: skip
    source_language, target_language = direction.split("-")
    template = Request(artifact="", text="", source_language=source_language, target_language=target_language,
                       sampling=asked.sampling)
    for place, output in _written(scheduler, template, sources):
        yield sources[place], output


def _written(scheduler: Scheduler[Any, Any, Any], template: Request, texts: list[str]) -> Iterator[tuple[int, str]]:
    """The place of each text with what the model writes about it, as it gets ready."""
    answers: dict[int, list[Chunk]] = {}
    left = sorted(range(len(texts)), key=lambda place: len(texts[place]), reverse=True)
    while left or answers:
        while left and len(scheduler.waiting) < ROWS:
            place = left.pop()
            job = scheduler.prepare(replace(template, text=texts[place]))
            answers[place] = []
            job.emit = answers[place].append
            scheduler.add(job)
        scheduler.step()
        for place in [place for place, chunks in answers.items() if chunks and chunks[-1].finish_reason]:
            yield place, "".join(chunk.text for chunk in answers.pop(place)).strip()


def _generation(asked: Measurement) -> Iterator[Prediction]:
    """Cross-entropy a token, in nats, with the true tokens as input; the score is the mean probability of a token."""
    if any(entry["role"] == "encoder" for entry in asked.artifact.graphs):
        yield from _sentences(asked)
        return
    scheduler = GenerationScheduler(asked.artifact, threads=asked.threads, device=asked.device, slots=ROWS,
                                    max_waiting=1)  # fmt: skip
    tokenizer, capacity = scheduler.tokenizer, scheduler.runner.capacity
    ends = [[token] if token is not None else [] for token in (tokenizer.bos_id, tokenizer.eos_id)]
    texts = [[*ends[0], *ids, *ends[1]] for ids in tokenizer.encode_batch([row["text"] for row in asked.rows])]
    pieces = sorted(((index, ids[start : start + capacity + 1]) for index, ids in enumerate(texts)
                     for start in range(0, max(1, len(ids) - 1), capacity)),
                    key=lambda piece: len(piece[1]), reverse=True)  # fmt: skip
    sums = [0.0] * len(texts)
    groups = [pieces[first : first + ROWS] for first in range(0, len(pieces), ROWS)]
    for group in asked.told(groups, sum(map(len, texts)), lambda group: sum(len(ids) for _, ids in group)):
        for (index, _), surprise in zip(group, _surprises(scheduler, [ids for _, ids in group]), strict=True):
            sums[index] += surprise
    if not any(len(ids) > 1 for ids in texts):
        raise DataError("The texts are too short to measure", remedy="Give texts of two tokens or more")
    for index, (ids, nats) in enumerate(zip(texts, sums, strict=True)):
        tokens = max(0, len(ids) - 1)
        yield Prediction(row=index, input=asked.rows[index]["text"], score=math.exp(-nats / max(1, tokens)),
                         facts={"nats": nats, "tokens": float(tokens)})  # fmt: skip


def _sentences(asked: Measurement) -> Iterator[Prediction]:
    """Of a sentence autoencoder: the evidence lower bound with one draw a sentence; `kl` is a part of `nats`."""
    scheduler, random = LatentScheduler(asked.artifact, threads=asked.threads, device=asked.device, slots=ROWS,
                                        max_waiting=1), np.random.default_rng(0)  # fmt: skip
    texts = enumerate(scheduler.tokenizer.encode_batch([row["text"] for row in asked.rows]))
    read = [(index, [scheduler.bos, *ids[: scheduler.longest], scheduler.eos]) for index, ids in texts if ids]
    read.sort(key=lambda entry: len(entry[1]), reverse=True)
    if not read:
        raise DataError("The texts are too short to measure", remedy="Give texts of a token or more")
    groups = [read[first : first + ROWS] for first in range(0, len(read), ROWS)]
    for group in asked.told(groups, len(read), len):
        mean, log_variance = scheduler.encoded([ids for _, ids in group])
        points = mean + random.standard_normal(mean.shape).astype(np.float32) * np.exp(0.5 * log_variance)
        told = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=1)
        written = _surprises(scheduler, [ids for _, ids in group], points)
        for (index, ids), kl, surprise in zip(group, told.tolist(), written.tolist(), strict=True):
            yield Prediction(row=index, input=asked.rows[index]["text"],
                             score=math.exp(-(kl + surprise) / (len(ids) - 1)),
                             facts={"nats": kl + surprise, "tokens": float(len(ids) - 1), "kl": kl})  # fmt: skip


def _surprises(scheduler: GenerationScheduler, group: list[list[int]], points: np.ndarray | None = None) -> np.ndarray:
    """Minus the log probability of each piece's tokens after its first, summed; the longest piece stands in front.
    `points` are the latent numbers of each, where the model has some."""
    runner, sums = scheduler.runner, np.zeros(len(group))
    for row in range(len(group)):
        runner.clear(row)
        if points is not None:
            runner.write_state(row, "z", points[row])
    for place in range(len(group[0]) - 1):
        left = sum(len(piece) > place + 1 for piece in group)
        runner.token[:left, 0] = [piece[place] for piece in group[:left]]
        runner.decode(left, logits=True)
        logits = runner.logits[:left]  # (rows, vocabulary)
        top = logits.max(axis=1)
        true = logits[np.arange(left), [piece[place + 1] for piece in group[:left]]]
        sums[:left] += np.log(np.exp(logits - top[:, None]).sum(axis=1)) + top - true
    return sums


def _summarisation(asked: Measurement) -> Iterator[Prediction]:
    measured = [(index, row) for index, row in enumerate(asked.rows) if row.get("summary")]
    if not measured:
        raise DataError("No row has a summary to compare with", allowed="ROUGE needs the column summary")
    scheduler = summarisation_scheduler(asked.artifact, threads=asked.threads, device=asked.device, slots=ROWS,
                                        max_waiting=ROWS)  # fmt: skip
    template = Request(artifact="", text="", sampling=asked.sampling)
    work = _written(scheduler, template, [row["text"] for _, row in measured])
    for place, output in asked.told(work, len(measured)):
        index, row = measured[place]
        scores = {name: found for name, [found] in metrics.rouge_of_rows([output], [row["summary"]]).items()}
        yield Prediction(row=index, input=row["text"], expected=row["summary"], output=output,
                         score=scores["rougeL"] / 100, facts=scores)


PREDICTORS: dict[str, Callable[[Measurement], Iterator[Prediction]]] = {
    "question-answering": _reading,
    "translation": _translation,
    "summarisation": _summarisation,
    "classification": _classification,
    "generation": _generation,
}
