"""How long one question takes, alone on the machine: from the request to the whole answer, as it is served."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from modeling.errors import RequestError
from modeling.inference.evaluation import Measurement
from modeling.inference.models import SCHEDULERS, SLOTS
from modeling.inference.request import Chunk, Request, SamplingParams
from modeling.retrieval import PassageIndex

REQUESTS = 30
WARM = 2
"""Requests before the first that counts."""
WRITTEN = 32
"""Tokens of a generated text."""
BEGINNING = 24
"""Characters that it begins with."""

Row = Mapping[str, Any]


def latency(asked: Measurement) -> dict[str, float]:
    """{"requests", "median", "p95"}, in seconds, of rows spread over the data; {} where none can be asked."""
    step = max(1, len(asked.rows) // REQUESTS)
    chosen = list(asked.rows)[::step][:REQUESTS]
    with tempfile.TemporaryDirectory() as folder:
        seconds = _seconds(asked, [*chosen[:WARM], *chosen], Path(folder))[WARM:]
    if not seconds:
        return {}
    return {"requests": len(seconds), "median": float(np.median(seconds)), "p95": float(np.quantile(seconds, 0.95))}


def _seconds(asked: Measurement, rows: list[Row], folder: Path) -> list[float]:
    task = asked.artifact.task
    scheduler = SCHEDULERS[task](asked.artifact, threads=asked.threads, device=asked.device, slots=SLOTS[task],
                                 max_waiting=1)  # fmt: skip
    found: list[float] = []
    for number, row in enumerate(rows):
        request = REQUEST[task](row, folder / str(number), asked)
        chunks: list[Chunk] = []
        try:
            scheduler.prepare(request)  # a document's index is in memory when it is asked about
        except RequestError:  # too long for this model, or of another language
            continue
        started = time.perf_counter()
        job = scheduler.prepare(request)
        job.emit = chunks.append
        scheduler.add(job)
        while scheduler.step() and not (chunks and chunks[-1].finish_reason):
            pass
        found.append(time.perf_counter() - started)
    return found


def _of_text(row: Row, folder: Path, asked: Measurement) -> Request:
    return Request(artifact="", text=row["text"], sampling=asked.sampling)


def _question(row: Row, folder: Path, asked: Measurement) -> Request:
    """With the row's own passage as the document."""
    PassageIndex.build([("document", row.get("title", ""), row["context"])]).save(folder)
    return Request(artifact="", text=row["question"], documents=(str(folder),))


def _source(row: Row, folder: Path, asked: Measurement) -> Request:
    return Request(artifact="", text=row["source"], source_language=row["source_language"],
                   target_language=row["target_language"], sampling=asked.sampling)


def _beginning(row: Row, folder: Path, asked: Measurement) -> Request:
    return Request(artifact="", text=row["text"][:BEGINNING],
                   sampling=SamplingParams(temperature=0, max_tokens=WRITTEN))


REQUEST: dict[str, Callable[[Row, Path, Measurement], Request]] = {
    "question-answering": _question,
    "translation": _source,
    "summarisation": _of_text,
    "classification": _of_text,
    "generation": _beginning,
}
