"""`python -m tests.benchmarks.language_models [--steps N]`: word perplexity on the Penn Treebank.

The text of Mikolov et al. (2010): 10,000 words, one line a sentence, `<unk>` for the rest. All models see the same
tokens, and a sentence's end counts as one. The n-gram model and the Transformer begin anew with each sentence or
window; the LSTM's state goes on, as in the papers.
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer as HuggingFaceTokenizer
from tokenizers import models, pre_tokenizers

from modeling.configs import DecoderConfig, NgramConfig, RecurrentLMConfig, TrainingConfig
from modeling.models import network_of
from modeling.text import Tokenizer
from modeling.training.interruption import Interruption
from modeling.training.loop import Loop
from modeling.training.objectives import OBJECTIVES, Objective

PUBLISHED = "KN-5 141.2 (Mikolov & Zweig 2012), LSTM 82.7 and 78.4 (Zaremba et al. 2014), AWD-LSTM 57.3 (Merity 2018)"
Rows = list[dict[str, str]]


def rows_of(path: Path, joined: int) -> Rows:
    """The lines, or several of them as one text with `</s>` between."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [{"text": " </s> ".join(lines[first : first + joined])} for first in range(0, len(lines), joined)]


def words(rows: Rows) -> Tokenizer:
    """The words between blanks; those of the marks are the marks."""
    known = dict.fromkeys(["<pad>", "<unk>", "<s>", "</s>", *itertools.chain(*(row["text"].split() for row in rows))])
    places = {word: index for index, word in enumerate(known)}
    inner = HuggingFaceTokenizer(models.WordLevel(places, unk_token="<unk>"))  # noqa: S106
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return Tokenizer(inner)


def trained(objective: Objective, train: Rows, valid: Rows) -> Any:
    torch.manual_seed(0)
    module = network_of(objective.config)
    if objective.counted:
        objective.count(module, train)
        return module
    with tempfile.TemporaryDirectory() as folder:
        loop = Loop(objective, module, train, valid, folder=Path(folder), seed=0, interruption=Interruption(),
                    on_event=lambda event: print(event, flush=True) if event["event"] == "evaluation" else None)
        return loop.run()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--models", default="ngram,lstm,decoder")
    asked, _ = parser.parse_known_args()  # the name of the benchmark stands there too
    folder = Path(os.environ.get("PARLEY_DATA", "../shared/data")) / "ptb"
    tokenizer = words(rows_of(folder / "train.txt", 1))
    size, sets = tokenizer.vocabulary_size, ("train", "valid", "test")
    shared = {"threads": 1, "precision": "bf16", "batch_tokens": 1400, "evaluations": 4, "steps": asked.steps}
    plans: dict[str, tuple[Any, dict[str, Any], int]] = {
        "ngram": (NgramConfig(vocabulary_size=size, order=5), {}, 1),
        "lstm": (RecurrentLMConfig(vocabulary_size=size, embedding=256, hidden=512, layers=2, context=35,
                                   continuous=True, dropout=0.3, dropout_between=0.2, dropout_input=0.3,
                                   dropout_weights=0.2, dropout_words=0.05),
                 shared | {"learning_rate": 3e-3, "weight_decay": 1e-5, "clip": 0.5, "decay": 0.6}, 10**6),
        "decoder": (DecoderConfig(vocabulary_size=size, width=256, layers=4, heads=4, kv_heads=4, hidden=704,
                                  context=128, dropout=0.2),
                    shared | {"optimizer": "muon", "learning_rate": 2e-3, "decay": 0.6}, 20),
    }
    print("published, test:", PUBLISHED)
    for name in asked.models.split(","):
        config, settings, joined = plans[name]
        train, valid, test = (rows_of(folder / f"{split}.txt", joined) for split in sets)
        objective = OBJECTIVES["generation"][name](tokenizer, config, TrainingConfig(**settings))
        began = time.process_time()
        module = trained(objective, train, valid)
        seconds = time.process_time() - began
        found = [objective.evaluate(module.eval(), rows)["perplexity"] for rows in (valid, test)]
        print(f"{name}: {sum(p.numel() for p in module.parameters()) / 1e6:.1f} M numbers, {seconds:.0f} s of one "
              f"processor, perplexity {found[0]:.1f} valid, {found[1]:.1f} test", flush=True)


if __name__ == "__main__":
    main()
