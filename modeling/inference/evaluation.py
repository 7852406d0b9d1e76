"""Measures a model on rows that it has not seen, by the runners and schedulers that serve it, in large batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from modeling import lexrank, metrics
from modeling.artifact import Artifact
from modeling.errors import DataError
from modeling.inference.generation import GenerationScheduler
from modeling.inference.reading import Reader, Window
from modeling.inference.request import Chunk, Request, SamplingParams
from modeling.inference.single_pass import ClassificationScheduler
from modeling.inference.translation import TranslationScheduler

Rows = Sequence[Mapping[str, Any]]
Item = TypeVar("Item")
BATCH_TOKENS = 8192  # padding included
ROWS = 32  # that a language model or a beam search works on at once


def evaluate(artifact: Artifact, rows: Rows, *, threads: int, device: str = "cpu",
             sampling: SamplingParams | None = None) -> dict[str, Any]:  # fmt: skip
    """`{"metrics": {...}, "rows": n, ...}` of the artifact's task. Raises DataError when nothing can be measured."""
    if not rows:
        raise DataError("There is nothing to measure", remedy="Give at least one row")
    return EVALUATIONS[artifact.task](artifact, rows, threads, device, sampling or SamplingParams())


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


def _classification(artifact: Artifact, rows: Rows, threads: int, device: str, _: SamplingParams) -> dict[str, Any]:
    scheduler = ClassificationScheduler(artifact, threads=threads, device=device, slots=1, max_waiting=1)
    encoded = [(index, scheduler.encoded(row["text"])) for index, row in enumerate(rows)]
    found = [""] * len(rows)
    for batch in batches(encoded, lambda item: len(item[1])):
        best = scheduler.runner.probabilities([ids for _, ids in batch]).argmax(axis=1)
        for (index, _ids), label in zip(batch, best.tolist(), strict=True):
            found[index] = scheduler.labels[label]
    truth = [str(row["label"]) for row in rows]
    labels = sorted({*scheduler.labels, *truth})
    by_label = metrics.f1_by_label(found, truth)
    positive = scheduler.labels[1] if len(scheduler.labels) == 2 else None  # the one that is looked for
    figures = {"accuracy": metrics.accuracy(found, truth), "macro_f1": metrics.macro_f1(found, truth),
               "f1": by_label.get(positive, 0.0) if positive else by_label}
    right = [float(a == b) for a, b in zip(found, truth, strict=True)]
    return {"metrics": figures, "rows": len(rows), "labels": labels,
            "intervals": {"accuracy": metrics.bootstrap_interval(right)},
            "confusion_matrix": metrics.confusion_matrix(found, truth, labels).tolist()}  # fmt: skip


def _reading(artifact: Artifact, rows: Rows, threads: int, device: str, _: SamplingParams) -> dict[str, Any]:
    reader = Reader(artifact, threads=threads, device=device)
    answered = [row for row in rows if row["answers"]]
    if not answered:
        raise DataError("No question has an answer", allowed="Exact match and F1 need answers in the rows")
    best = [(-np.inf, "")] * len(answered)
    for batch in batches(_windows(reader, answered), len):
        for window, spans in zip(batch, reader.read(batch), strict=True):
            context = answered[window.passage]["context"]
            for found in spans:
                text = context[found.start : found.end]
                best[window.passage] = max(best[window.passage], (found.span.score, text))
    truth = [[answer["text"] for answer in row["answers"]] for row in answered]
    em = [metrics.exact_match(text, right) for (_, text), right in zip(best, truth, strict=True)]
    f1 = [metrics.squad_f1(text, right) for (_, text), right in zip(best, truth, strict=True)]
    return {"metrics": {"em": float(np.mean(em)), "f1": float(np.mean(f1))}, "rows": len(answered),
            "intervals": {"em": metrics.bootstrap_interval(em), "f1": metrics.bootstrap_interval(f1)}}  # fmt: skip


def _windows(reader: Reader, rows: Rows) -> Iterator[Window]:
    """All windows of all rows; `passage` is the row. Each context is tokenised once."""
    encoded = {context: reader.tokenizer.encode_with_offsets(context) for context in {row["context"] for row in rows}}
    for index, row in enumerate(rows):
        yield from reader.encoded_windows(index, reader.question(row["question"]), *encoded[row["context"]])


def _translation(
    artifact: Artifact, rows: Rows, threads: int, device: str, sampling: SamplingParams
) -> dict[str, Any]:
    """BLEU and chrF of each direction; all targets that the rows give for a source are its references."""
    figures: dict[str, Any] = {}
    first: str | None = None
    for direction in artifact.config["directions"]:
        references: dict[str, list[str]] = {}
        for source, target, as_given in _directed(rows, direction):
            references.setdefault(source, []).append(target)
            first = first or (direction if as_given else None)
        if references:
            found = _translated(artifact, list(references), direction, threads, device, sampling)
            language = direction.split("-")[1]
            figures[direction] = {"bleu": metrics.bleu(found, list(references.values()), language=language),
                                  "chrf": metrics.chrf(found, list(references.values())), "sentences": len(found)}
    if not figures:
        raise DataError("No row fits the model's directions",
                        allowed=f"It translates {', '.join(artifact.config['directions'])}")
    return {"metrics": {**figures[first or next(iter(figures))], "directions": figures}, "rows": len(rows)}


def _directed(rows: Rows, direction: str) -> Iterator[tuple[str, str, bool]]:
    """Source and target in a direction, from rows of it or of its opposite, and whether they were given so."""
    pair = tuple(direction.split("-"))
    for row in rows:
        languages = (row["source_language"], row["target_language"])
        if languages == pair:
            yield row["source"], row["target"], True
        elif languages[::-1] == pair:
            yield row["target"], row["source"], False


def _translated(artifact: Artifact, sources: list[str], direction: str, threads: int, device: str,
                sampling: SamplingParams) -> list[str]:  # fmt: skip
    scheduler = TranslationScheduler(artifact, threads=threads, device=device, slots=ROWS, max_waiting=ROWS)
    source_language, target_language = direction.split("-")
    template = Request(artifact="", text="", source_language=source_language, target_language=target_language,
                       sampling=sampling)
    answers: dict[str, list[Chunk]] = {source: [] for source in sources}
    left = sorted(sources, key=len, reverse=True)
    while left or not scheduler.idle:
        while left and len(scheduler.waiting) < ROWS:
            job = scheduler.prepare(replace(template, text=left[-1]))
            job.emit = answers[left.pop()].append
            scheduler.add(job)
        scheduler.step()
    return ["".join(chunk.text for chunk in chunks).strip() for chunks in answers.values()]


def _generation(artifact: Artifact, rows: Rows, threads: int, device: str, _: SamplingParams) -> dict[str, Any]:
    """Cross-entropy a token, in nats, with the true tokens as input."""
    scheduler = GenerationScheduler(artifact, threads=threads, device=device, slots=ROWS, max_waiting=1)
    runner, tokenizer = scheduler.runner, scheduler.tokenizer
    ends = [[token] if token is not None else [] for token in (tokenizer.bos_id, tokenizer.eos_id)]
    texts = [[*ends[0], *ids, *ends[1]] for ids in tokenizer.encode_batch([row["text"] for row in rows])]
    pieces = sorted((ids[start : start + runner.capacity + 1] for ids in texts
                     for start in range(0, max(1, len(ids) - 1), runner.capacity)), key=len, reverse=True)
    total = 0.0
    for first in range(0, len(pieces), ROWS):
        group = pieces[first : first + ROWS]
        runner.length[:] = 0
        for place in range(len(group[0]) - 1):
            rows_left = sum(len(piece) > place + 1 for piece in group)  # the longest stand in front
            runner.token[:rows_left, 0] = [piece[place] for piece in group[:rows_left]]
            runner.decode(rows_left, logits=True)
            total += _surprise(runner.logits[:rows_left], [piece[place + 1] for piece in group[:rows_left]])
    count = sum(len(piece) - 1 for piece in pieces)
    if not count:
        raise DataError("The texts are too short to measure", remedy="Give texts of two tokens or more")
    return {"metrics": {"loss": total / count, "perplexity": metrics.perplexity(total / count)}, "rows": len(rows),
            "tokens": count}  # fmt: skip


def _surprise(logits: np.ndarray, true: list[int]) -> float:
    """Minus the log probability of the true tokens, summed. `logits` are [rows, vocabulary]."""
    top = logits.max(axis=1, keepdims=True)
    log_sums = np.log(np.exp(logits - top).sum(axis=1)) + top[:, 0]
    return float((log_sums - logits[np.arange(len(true)), true]).sum())


def _summarisation(artifact: Artifact, rows: Rows, threads: int, device: str, _: SamplingParams) -> dict[str, Any]:
    measured = [row for row in rows if row.get("summary")]
    if not measured:
        raise DataError("No row has a summary to compare with", allowed="ROUGE needs the column summary")
    found = [" ".join(sentence.text for sentence in lexrank.summarise(row["text"])) for row in measured]
    return {"metrics": metrics.rouge(found, [row["summary"] for row in measured]), "rows": len(measured)}


EVALUATIONS: dict[str, Callable[[Artifact, Rows, int, str, SamplingParams], dict[str, Any]]] = {
    "question-answering": _reading,
    "translation": _translation,
    "summarisation": _summarisation,
    "classification": _classification,
    "generation": _generation,
}
