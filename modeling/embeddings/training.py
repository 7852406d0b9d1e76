"""train_vectors(): files of text to a folder of vectors; a killed training goes on after its last whole epoch."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from safetensors.numpy import load_file, save_file

from modeling.embeddings import cooccurrence, glove, word2vec
from modeling.embeddings.config import METHODS, GloVeConfig, SkipGramConfig, VectorsConfig
from modeling.embeddings.corpus import Corpus, load_corpus, read_corpus, save_corpus
from modeling.embeddings.folder import save_vectors
from modeling.embeddings.phrases import join_phrases
from modeling.embeddings.progress import OnEvent, Progress
from modeling.embeddings.vectors import Vectors

Matrices = dict[str, np.ndarray]

_BETWEEN = 60.0  # seconds between checkpoints, at least


def train_vectors(texts: Callable[[], Iterable[str]], out: Path, *, method: str, config: VectorsConfig, source: str,
                  on_event: OnEvent = lambda event: None) -> Vectors:
    """Learn vectors of the words in the texts that `texts()` gives, and write them to the folder `out`.

    `source` names the texts: with the same one and the same settings a killed training goes on, from `out`.run.
    Events are those of trainings: "reading", "vocabulary", "counting", "step". With one thread the result is the same
    each time; several threads change the same vectors without waiting for each other. Raises DataError.
    """
    started = time.monotonic()
    run = _run_folder(out, {"method": method, "settings": asdict(config), "source": source})
    config = replace(config, threads=config.threads or _threads())
    corpus = load_corpus(run) or _read(texts(), run, config, on_event)
    if isinstance(config, GloVeConfig):
        matrix, progress = _glove(corpus, run, config, on_event)
    else:
        matrix, progress = _word2vec(corpus, run, method, cast(SkipGramConfig, config), on_event)
    facts = {"method": method, "settings": asdict(config), "source": source, "words_read": corpus.total,
             "items": progress.total // config.epochs, "items_per_second": progress.speed, "loss": progress.loss,
             "seconds": round(time.monotonic() - started, 1)}
    vectors = Vectors(corpus.words, matrix, counts=corpus.counts, facts=facts)
    save_vectors(vectors, out)
    shutil.rmtree(run)
    return vectors


def _threads() -> int:
    """Those that this process was given, else the processors that it may use."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    if given.isdigit() and int(given):
        return int(given)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _run_folder(out: Path, what: dict[str, Any]) -> Path:
    """The folder of the unfinished training of just this; one of something else is emptied."""
    assert what["method"] in METHODS
    folder, name = out.with_name(f"{out.name}.run"), "training.json"
    mark = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()
    if folder.exists() and (not (folder / name).is_file() or (folder / name).read_text() != mark):
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(mark)
    return folder


def _read(texts: Iterable[str], run: Path, config: VectorsConfig, on_event: OnEvent) -> Corpus:
    corpus = read_corpus(texts, run, min_count=config.min_count, most_words=config.most_words,
                         lowercase=config.lowercase, on_event=on_event)
    for number in range(config.phrases):
        corpus = join_phrases(corpus, threshold=config.phrase_threshold, min_count=config.min_count,
                              most_words=config.most_words)
        on_event({"event": "phrases", "passes": number + 1, "kept": len(corpus.words)})
    save_corpus(corpus, run)
    return corpus


def _word2vec(corpus: Corpus, run: Path, method: str, config: SkipGramConfig, on_event: OnEvent,
              ) -> tuple[np.ndarray, Progress]:
    size = len(corpus.tokens)

    def epoch(number: int, matrices: Matrices, progress: Progress) -> None:
        word2vec.train_epoch(corpus, matrices, number, method, config, progress)

    matrices, progress = _epochs(run, config, size, lambda: word2vec.first_matrices(len(corpus.words), config), epoch,
                                 on_event)
    return np.ascontiguousarray(matrices["inward"][:, : config.dimensions]), progress


def _glove(corpus: Corpus, run: Path, config: GloVeConfig, on_event: OnEvent) -> tuple[np.ndarray, Progress]:
    files = _pairs(corpus, run, config, on_event)
    pairs = sum(file.stat().st_size for file in files) // cooccurrence.PAIR.itemsize

    def epoch(number: int, matrices: Matrices, progress: Progress) -> None:
        glove.train_epoch(files, matrices, number, config, progress)

    matrices, progress = _epochs(run, config, pairs, lambda: glove.first_matrices(len(corpus.words), config), epoch,
                                 on_event)
    return glove.word_vectors(matrices), progress


def _pairs(corpus: Corpus, run: Path, config: GloVeConfig, on_event: OnEvent) -> list[Path]:
    """The counted pairs; those of a killed training, where the counting was over."""
    done = run / "pairs.json"
    if not done.is_file():
        files = cooccurrence.count_pairs(
            corpus, run / "pairs", window=config.window, memory=config.memory * 1024**2, seed=config.seed,
            on_share=lambda share: on_event({"event": "counting", "share": round(share, 3)}))
        done.write_text(json.dumps([file.name for file in files]))
    return [run / "pairs" / name for name in json.loads(done.read_text())]


def _epochs(run: Path, config: VectorsConfig, size: int, first: Callable[[], Matrices],
            epoch: Callable[[int, Matrices, Progress], None], on_event: OnEvent) -> tuple[Matrices, Progress]:
    """All epochs, from the last checkpoint on; `size` are the items of one."""
    start, matrices = _restore(run) or (0, first())
    progress, saved = Progress(size * config.epochs, on_event, done=size * start), time.monotonic()
    for number in range(start, config.epochs):
        epoch(number, matrices, progress)
        progress.tell(now=True)
        if time.monotonic() - saved > _BETWEEN and number + 1 < config.epochs:
            _keep(run, number + 1, matrices)
            saved = time.monotonic()
    return matrices, progress


def _keep(run: Path, epoch: int, matrices: Matrices) -> None:
    """A checkpoint, which counts from the moment at which its name says which epochs it holds."""
    part = run / "checkpoint.part"
    save_file(matrices, part)
    old = list(run.glob("epoch-*.safetensors"))
    part.rename(run / f"epoch-{epoch}.safetensors")
    for file in old:
        file.unlink()


def _restore(run: Path) -> tuple[int, Matrices] | None:
    found = sorted((int(file.stem.split("-")[1]), file) for file in run.glob("epoch-*.safetensors"))
    return (found[-1][0], dict(load_file(found[-1][1]))) if found else None
