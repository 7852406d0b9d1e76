"""Word vectors: words a second and quality of ours beside gensim's word2vec, and of GloVe, on fifteen million words.

PARLEY_DATA is the folder of the public datasets; gensim comes with `make peers`. Same text, same settings, two threads;
the two take turns, an epoch each, and then each trains all its epochs for the quality.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from modeling.embeddings import METHODS, Vectors, evaluate, load_vectors
from modeling.embeddings import training as ours
from tests.benchmarks.comparison import compare, processor
from tests.benchmarks.english_text import write_text

ROOT = Path(__file__).resolve().parents[2]
PEER = ROOT / ".peers" / "bin" / "python"
SHARED = {"dimensions": 100, "window": 5, "min_count": 5, "negatives": 5, "subsample": 1e-3, "learning_rate": 0.025,
          "threads": 2, "seed": 1}  # fmt: skip
EPOCHS = 5
SHOWN = ("WordSim-353", "SimLex-999", "MEN", "Google analogies")
ROUNDS = int(os.environ.get("PARLEY_BENCH_ROUNDS", "3"))


def main() -> None:
    data = Path(os.environ.get("PARLEY_DATA") or ROOT.parent / "shared" / "data")
    if not (data / "imdb").is_dir():
        print("word vectors: set PARLEY_DATA to the folder of the public datasets")
        return
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "text.txt"
        print(f"{date.today()}, {processor()}; {write_text(data, text):,} words, {SHARED}, {EPOCHS} epochs", flush=True)
        if PEER.exists():
            for method in ("skipgram", "cbow"):
                compare(f"{method}, words/s", partial(_ours, text, method), partial(_gensim, text, method),
                        rounds=ROUNDS)  # fmt: skip
        else:
            print("without gensim: install it with `make peers`")
        for name, vectors in _trained(text, Path(folder)):
            _print_quality(name, vectors, data / "embedding_eval")


def _ours(text: Path, method: str) -> float:
    """Words of the text a second, over one epoch without the reading before it, as gensim counts them."""
    with tempfile.TemporaryDirectory() as folder:
        found = _train(text, Path(folder) / "v", method, epochs=1)
        share = found.facts["words_read"] / found.facts["items"]  # of words read to items counted
        return float(found.facts["items_per_second"] * share)


def _train(text: Path, out: Path, method: str, **settings: Any) -> Vectors:
    config = METHODS[method](**{**SHARED, **settings} if method != "glove" else settings)
    return ours.train_vectors(lambda: text.open(encoding="utf-8"), out, method=method, config=config, source="bench")


def _gensim(text: Path, method: str, out: str = "", epochs: int = 1) -> float:
    settings = {"vector_size": SHARED["dimensions"], "window": SHARED["window"], "min_count": SHARED["min_count"],
                "negative": SHARED["negatives"], "sample": SHARED["subsample"], "alpha": SHARED["learning_rate"],
                "workers": SHARED["threads"], "seed": SHARED["seed"], "sg": int(method == "skipgram"),
                "epochs": epochs}  # fmt: skip
    program = Path(__file__).with_name("embeddings_gensim.py")
    command = [PEER, "-I", program, text, out, json.dumps(settings)]  # -I: our queue.py is not Python's
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(ran.stdout)["words_per_second"])


def _trained(text: Path, folder: Path) -> Iterator[tuple[str, Vectors]]:
    for method in ("skipgram", "cbow"):
        yield f"{method}, ours", _train(text, folder / method, method, epochs=EPOCHS)
        if PEER.exists():
            file = folder / f"{method}.bin"
            _gensim(text, method, str(file), EPOCHS)
            yield f"{method}, gensim", load_vectors(file)
    yield "glove, ours", _train(text, folder / "glove", "glove", window=10, epochs=25, x_max=10.0, threads=2, seed=1)


def _print_quality(name: str, vectors: Vectors, questions: Path) -> None:
    for figure in evaluate(vectors, questions):
        if figure.name in SHOWN:
            print(f"{name:18} {figure.name:18} {figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})   "
                  f"{figure.covered:,} of {figure.total:,} covered", flush=True)
