"""The autoencoder of sentences beside language models of the same sentences: nats, active numbers, ways between two.

PARLEY_SENTENCES is a folder for the artifacts of the recipes tatoeba-sentences and tatoeba-lm; what is missing there is
trained (about half an hour). PARLEY_DATA is the folder of the public datasets.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from itertools import groupby
from pathlib import Path
from typing import Any

from modeling.inference import Latent, Request, SamplingParams
from modeling.inference.engine import LocalEngine
from modeling.recipes.__main__ import run
from modeling.training import Request as TrainingRequest
from modeling.training import train
from tests.benchmarks.comparison import processor

DATA = Path(os.environ.get("PARLEY_DATA") or "../shared/data")
BETWEEN = (
    ("I want to go home.", "She is reading a book."),
    ("Where is the station?", "I don't know what to do."),
    ("He was late for school.", "It is going to rain tomorrow."),
    ("Tom can speak French very well.", "Have you ever been to Boston?"),
    ("I like music.", "My father works in a bank."),
    ("Please close the door.", "We had a good time at the party."),
    ("She looks happy.", "Why did you come here?"),
    ("There is a cat under the table.", "I can't believe it."),
    ("How old are you?", "The train was very crowded this morning."),
    ("They live near the sea.", "You should see a doctor."),
)
STEPS = 7


def main() -> None:
    if not (DATA / "tatoeba").is_dir():
        raise SystemExit("sentences: set PARLEY_DATA to the folder of the public datasets")
    with tempfile.TemporaryDirectory() as aside:
        folder = Path(os.environ.get("PARLEY_SENTENCES") or aside)
        for name in ("tatoeba-sentences", "tatoeba-lm"):
            if not (folder / name / "manifest.json").is_file():
                run(name, DATA, folder / name, settings={}, parent=None, seed=0)
        _figures(folder, Path(aside))
        asyncio.run(_ways(str(folder / "tatoeba-sentences")))


def _figures(folder: Path, aside: Path) -> None:
    """Of the test split, of the weights as stored: nats of a sentence."""
    vae, lstm, ngram = (_metrics(path) for path in (folder / "tatoeba-sentences", folder / "tatoeba-lm",
                                                    _counted(folder / "tatoeba-sentences.data", aside)))
    tokens = vae["negative_elbo"] / vae["loss"]  # of a sentence; all three have the same tokenizer
    nats = {name: found["loss"] * tokens for name, found in (("LSTM", lstm), ("n-grams of order 5", ngram))}
    print(f"{processor()}: {vae['rows']:,} test sentences of {tokens:.2f} tokens")
    print(f"-ELBO {vae['negative_elbo']:.2f} nats, of which KL {vae['kl']:.2f}; {vae['active_units']:.0f} active "
          f"units; importance-weighted bound {vae['importance_weighted']:.2f}")
    for name, value in nats.items():
        print(f"{name}: {value:.2f} nats; -ELBO is {vae['negative_elbo'] - value:+.2f} from it")


def _metrics(artifact: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((artifact / "metrics.json").read_text(encoding="utf-8"))
    return found


def _counted(data: Path, aside: Path) -> Path:
    """The n-gram model of the same sentences and tokenizer."""
    train(TrainingRequest(
        task="generation", model="ngram", data=[data / "train.jsonl"], validation=[data / "validation.jsonl"],
        test=[data / "test.jsonl"], out=aside / "ngram", settings={"vocabulary_size": 4000, "order": 5}))  # fmt: skip
    return aside / "ngram"


async def _ways(artifact: str) -> None:
    greedy = SamplingParams(temperature=0)
    async with LocalEngine(threads=1) as engine:

        async def lines(text: str, latent: Latent, sampling: SamplingParams = greedy) -> list[str]:
            asked = Request(artifact=artifact, text=text, latent=latent, sampling=sampling)
            return "".join([chunk.text async for chunk in await engine.submit(asked)]).strip().split("\n")

        for first, last in BETWEEN:
            written = await lines(first, Latent(mode="interpolate", second=last, lines=STEPS))
            print(f"- *{first}* to *{last}*: {' / '.join(line for line, _ in groupby(written))}", flush=True)
        drawn = await lines("", Latent(mode="sample", lines=8), SamplingParams(temperature=0, seed=1))
        print("drawn from the prior:", " / ".join(drawn))
