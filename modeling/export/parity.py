"""The proof that a graph answers as the trained network does: teacher-forced logits and greedy decisions compared."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import onnxruntime
import torch
from torch import nn

from modeling.configs import (
    BagConfig,
    BertClassifierConfig,
    BertConfig,
    CNNConfig,
    DecoderConfig,
    DualConfig,
    EncoderConfig,
    LexRankConfig,
    LSTMConfig,
    NgramConfig,
    QANetConfig,
    RecurrentLMConfig,
    TransformerConfig,
    TransformerReaderConfig,
    VAEConfig,
)
from modeling.configs.bart import BartConfig
from modeling.configs.causal import CausalConfig
from modeling.configs.rnn import PointerConfig, RNNConfig
from modeling.configs.t5 import T5Config
from modeling.configs.transformer import CopyingTransformerConfig
from modeling.errors import ParityError
from modeling.export.session import Session
from modeling.text import ClassifierInputs, PairMarks, sentences

if TYPE_CHECKING:
    from modeling.training.trained import TrainedModel

ROWS = 512  # of the frozen test split at most
TOLERANCE = 1e-3  # of fp32 logits
BATCH = 32
PROMPT = 128  # tokens of a generated text that are compared at most
STEPS = 8  # decoding steps after each prompt
TARGET = 48  # tokens of a translation that are compared at most


@dataclass(frozen=True, slots=True)
class Compared:
    """Logits [N, classes] of PyTorch and of the graph, and the classes [N] that the graph chose itself."""

    expected: np.ndarray
    actual: np.ndarray
    chosen: np.ndarray


Compare = Callable[["TrainedModel", nn.Module, Path, list[dict[str, Any]]], Iterator[Compared]]


@dataclass(slots=True)
class Tally:
    """What the comparison found so far."""

    logits: int = 0
    decisions: int = 0
    near_ties: int = 0  # decisions that differ where the two best logits are closer than the tolerance
    differing: int = 0  # decisions that differ elsewhere
    differences: list[float] = field(default_factory=list)

    def add(self, part: Compared) -> None:
        real = np.isfinite(part.expected)  # -inf masks padding
        self.differences.append(float(np.abs(part.expected[real] - part.actual[real]).max()))
        self.logits += int(real.sum())
        best = np.sort(part.expected, axis=-1)[:, -2:]
        wrong = part.chosen != part.expected.argmax(-1)
        ties = best[:, 1] - best[:, 0] < TOLERANCE
        self.decisions += len(wrong)
        self.near_ties += int((wrong & ties).sum())
        self.differing += int((wrong & ~ties).sum())


def prove(run: TrainedModel, module: nn.Module, folder: Path) -> dict[str, Any]:
    """Compare `module` with the CPU graphs in `folder` on the run's test rows; the figures for the manifest.

    `module` holds the weights as the artifact stores them. Raises ParityError where a logit differs by more than the
    tolerance or a decision differs that was no tie.
    """
    rows, started, tally = list(run.test_rows[:ROWS]), time.monotonic(), Tally()
    if not rows:
        raise ParityError("There are no test rows to prove the export with", remedy="Add rows to the test split")
    with torch.no_grad():
        for part in COMPARE[type(run.config)](run, module, folder, rows):
            tally.add(part)
    worst = float(np.max(tally.differences))  # a NaN stays one
    if not worst <= TOLERANCE or tally.differing:
        raise ParityError(
            f"The exported {run.model} differs from the trained one: logits by up to {worst:.2g}, "
            f"{tally.differing} of {tally.decisions} decisions",
            allowed=f"Logits may differ by {TOLERANCE:g}, decisions only where the two best are as close",
            remedy="Nothing was written; this is a fault of the export, please report it",
        )
    return {
        "rows": len(rows), "logits": tally.logits, "max_difference": worst, "tolerance": TOLERANCE,
        "decisions": tally.decisions, "differing": tally.differing, "near_ties": tally.near_ties, "device": "cpu",
        "versions": {"torch": torch.__version__, "onnxruntime": onnxruntime.__version__},
        "seconds": round(time.monotonic() - started, 1),
    }


def _batches(sequences: list[list[int]]) -> Iterator[list[int]]:
    """Indices in batches of like length."""
    order = sorted(range(len(sequences)), key=lambda i: len(sequences[i]))
    yield from (order[start : start + BATCH] for start in range(0, len(order), BATCH))


def _padded(sequences: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Ids [B, T], padded at the right with zeros, and lengths [B]."""
    lengths = np.array([len(ids) for ids in sequences])
    padded = np.zeros((len(sequences), lengths.max()), np.int64)
    for row, ids in zip(padded, sequences, strict=True):
        row[: len(ids)] = ids
    return padded, lengths


def _classifier(run: TrainedModel, module: nn.Module, folder: Path, rows: list[dict[str, Any]]) -> Iterator[Compared]:
    session = Session(folder / "classifier.cpu.onnx")
    encoded = ClassifierInputs.of(run.preprocessing).encode(run.tokenizer, [row["text"] for row in rows])
    for batch in _batches(encoded):
        ids, lengths = _padded([encoded[i] for i in batch])
        expected = module(torch.from_numpy(ids), torch.from_numpy(lengths)).numpy()
        inputs = {"input_ids": ids, "lengths": lengths.astype(np.int32)}
        actual, probabilities = session.run(inputs, ["logits", "probabilities"])
        if expected.shape[1] == 1:  # of two labels the first has the logit 0
            expected, actual = (np.pad(logits, ((0, 0), (1, 0))) for logits in (expected, actual))
        if getattr(run.config, "several", False):  # each label is a decision of its own, against the logit 0
            expected, actual = (np.stack([0 * logits, logits], -1).reshape(-1, 2) for logits in (expected, actual))
            yield Compared(expected, actual, (probabilities > 0.5).astype(np.int64).reshape(-1))
            continue
        yield Compared(expected, actual, probabilities.argmax(-1))


def _dual(run: TrainedModel, module: nn.Module, folder: Path, rows: list[dict[str, Any]]) -> Iterator[Compared]:
    """The cosines of the questions of a batch with its passages."""
    session, inputs = Session(folder / "embedder.cpu.onnx"), ClassifierInputs.of(run.preprocessing)
    sides = [inputs.encode(run.tokenizer, [row[name] for row in rows]) for name in ("question", "context")]
    for batch in _batches(sides[1]):
        expected, actual = [], []
        for side in sides:
            ids, lengths = _padded([side[i] for i in batch])
            expected.append(module(torch.from_numpy(ids), torch.from_numpy(lengths)).numpy())
            actual += session.run({"input_ids": ids, "lengths": lengths.astype(np.int32)}, ["vectors"])
        found = actual[0] @ actual[1].T
        yield Compared(expected[0] @ expected[1].T, found, found.argmax(-1))


def _sentences(run: TrainedModel, module: nn.Module, folder: Path, rows: list[dict[str, Any]]) -> Iterator[Compared]:
    """The vectors themselves; which of their numbers is the largest stands for a decision."""
    session = Session(folder / "embedder.cpu.onnx")
    found = [row["text"][start:end] for row in rows for start, end in sentences(row["text"])]
    encoded = ClassifierInputs.of(run.preprocessing).encode(run.tokenizer, found[: ROWS * BATCH])
    for batch in _batches(encoded):
        ids, lengths = _padded([encoded[i] for i in batch])
        expected = module(torch.from_numpy(ids), torch.from_numpy(lengths)).numpy()
        (actual,) = session.run({"input_ids": ids, "lengths": lengths.astype(np.int32)}, ["vectors"])
        yield Compared(expected, actual, actual.argmax(-1))


def _reader(run: TrainedModel, module: nn.Module, folder: Path, rows: list[dict[str, Any]]) -> Iterator[Compared]:
    session = Session(folder / "reader.cpu.onnx")
    pairs = [_window(run, row) for row in rows]
    encoded = [question + passage for question, passage in pairs]
    for batch in _batches(encoded):
        ids, lengths = _padded([encoded[i] for i in batch])
        positions = np.arange(ids.shape[1])
        mask = (positions < lengths[:, None]).astype(np.int64)
        types = mask * (positions >= np.array([[len(pairs[i][0])] for i in batch]))
        both = module(*(torch.from_numpy(array) for array in (ids, types, lengths)))
        inputs = {"input_ids": ids, "token_type_ids": types, "attention_mask": mask}
        for expected, actual in zip(both, session.run(inputs, ["start_logits", "end_logits"]), strict=True):
            masked = np.where(mask, actual, -np.inf)
            yield Compared(np.where(mask, expected.numpy(), -np.inf), masked, masked.argmax(-1))


def _window(run: TrainedModel, row: dict[str, Any]) -> tuple[list[int], list[int]]:
    """The question and the passage's first tokens, each with its marks."""
    marks = PairMarks.of(run.tokenizer)
    question = run.tokenizer.encode(row["question"])[: run.config.window // 2]
    passage = run.tokenizer.encode(row["context"])[: run.config.window - len(question) - len(marks)]
    window, start = marks.window(question, passage), marks.start(question)
    return window[:start], window[start:]


def _decoder(run: TrainedModel, module: nn.Module, folder: Path, rows: list[dict[str, Any]]) -> Iterator[Compared]:
    """A ragged first prompt in one step, then up to 8 steps of one token."""
    session = Session(folder / "decoder.cpu.onnx")
    longest = min(run.config.context, PROMPT)
    bos = [] if run.tokenizer.bos_id is None else [run.tokenizer.bos_id]
    starts = run.preprocessing.get("start", bos)
    encoded = [([*starts, *ids] or [0])[:longest] for ids in run.tokenizer.encode_batch([row["text"] for row in rows])]
    for batch in _batches(encoded):
        ids, lengths = _padded([encoded[i] for i in batch])
        expected = module(torch.from_numpy(ids))
        steps = min(STEPS, int(lengths.min()) - 1)
        cache, row = session.cache(len(ids), longest), np.arange(len(ids))
        for step in range(steps + 1):
            used = lengths - steps + step  # tokens of each row up to this step
            chunk = ids[:, : used.max()] if step == 0 else ids[row, used - 1][:, None]
            last = (used if step == 0 else np.ones_like(used))[:, None] - 1
            chosen, actual = session.run({**_greedy(chunk), "last": last, **_lengths(used)}, ["next", "logits"], cache)
            yield Compared(expected[row, used - 1].numpy(), actual, chosen[:, 0])


def _recurrent(run: TrainedModel, module: nn.Module, folder: Path, rows: list[dict[str, Any]]) -> Iterator[Compared]:
    """A first chunk, then up to 8 steps of one token: rows of a batch are cut to one length, since a state keeps all
    that it reads."""
    session, start = Session(folder / "decoder.cpu.onnx"), run.tokenizer.bos_id or 0
    encoded = [[start, *ids][:PROMPT] for ids in run.tokenizer.encode_batch([row["text"] for row in rows])]
    for batch in _batches(encoded):
        shortest = min(len(encoded[i]) for i in batch)
        ids = np.array([encoded[i][:shortest] for i in batch])
        expected, cache = module(torch.from_numpy(ids)).numpy(), session.cache(len(ids), 0)
        first = max(1, shortest - STEPS)
        for begin, end in [(0, first), *((place, place + 1) for place in range(first, shortest))]:
            last = np.full((len(ids), 1), end - begin - 1)
            chosen, actual = session.run({**_greedy(ids[:, begin:end]), "last": last}, ["next", "logits"], cache)
            yield Compared(expected[:, end - 1], actual, chosen[:, 0])


def _autoencoder(run: TrainedModel, module: nn.Module, folder: Path, rows: list[dict[str, Any]]) -> Iterator[Compared]:
    """Means and log variances, then the sentences token by token from their means."""
    encoder, decoder = (Session(folder / f"{role}.cpu.onnx") for role in ("encoder", "decoder"))
    start, end = run.tokenizer.bos_id or 0, run.tokenizer.eos_id or 0
    texts = run.tokenizer.encode_batch([row["text"] for row in rows])
    encoded = [[start, *ids[: run.config.context], end] for ids in texts]
    for batch in _batches(encoded):
        ids, lengths = _padded([encoded[i] for i in batch])
        both = torch.cat(cast(Any, module).encode(torch.from_numpy(ids), torch.from_numpy(lengths)), 1).numpy()
        found = encoder.run({"input_ids": ids, "lengths": lengths.astype(np.int32)}, ["mean", "log_variance"])
        yield Compared(both, np.concatenate(found, axis=1), both.argmax(-1))
        expected = module(torch.from_numpy(ids), torch.from_numpy(lengths)).numpy()
        cache = decoder.cache(len(ids), 0)
        cache["past_z"][...] = found[0]
        last = np.zeros((len(ids), 1), np.int64)
        for step in range(ids.shape[1] - 1):
            chosen, actual = decoder.run({**_greedy(ids[:, step : step + 1]), "last": last}, ["next", "logits"], cache)
            real = step < lengths - 1
            yield Compared(expected[real, step], actual[real], chosen[real, 0])


def _greedy(chunk: np.ndarray) -> dict[str, np.ndarray]:
    one = np.ones((len(chunk), 1), np.float32)
    return {"input_ids": chunk, "inverse_temperature": one, "top_p": one, "top_k": one.astype(np.int64),
            "uniform": 0 * one, "recent": np.repeat(chunk[:, :1], 64, axis=1), "repetition_penalty": one}


def _lengths(used: np.ndarray) -> dict[str, np.ndarray]:
    return {"seqlens_k": (used - 1).astype(np.int32), "total": np.array(used.max(), np.int32)}


def _encoder_decoder(
    run: TrainedModel, module: nn.Module, folder: Path, rows: list[dict[str, Any]]
) -> Iterator[Compared]:
    yield from _written(run, module, folder, _PAIRS[run.task](run, rows))


def _imported(run: TrainedModel, module: nn.Module, folder: Path, rows: list[dict[str, Any]]) -> Iterator[Compared]:
    told, encode, pairs = run.preprocessing, run.tokenizer.encode, []
    for row in rows:
        source = encode(told.get("prefix", "") + row["source"])[: run.config.context - 4]
        pairs.append(([*source, *told["after"]], [told["start"], *encode(row["target"])][:TARGET]))
    yield from _written(run, module, folder, pairs)


def _written(
    run: TrainedModel, module: nn.Module, folder: Path, pairs: list[tuple[list[int], list[int]]]
) -> Iterator[Compared]:
    """Sources of unlike length, then their targets token by token."""
    encoder, decoder = Session(folder / "encoder.cpu.onnx"), Session(folder / "decoder.cpu.onnx")
    for batch in _batches([source for source, _ in pairs]):
        source_ids, source_lengths = _padded([pairs[i][0] for i in batch])
        target_ids, target_lengths = _padded([pairs[i][1] for i in batch])
        expected = module(*(torch.from_numpy(array) for array in (source_ids, source_lengths, target_ids)))
        mask = (np.arange(source_ids.shape[1]) < source_lengths[:, None]).astype(np.int32)
        sources = {"input_ids": source_ids, "attention_mask": mask}
        left = dict(zip(encoder.outputs, encoder.run(sources, encoder.outputs), strict=True))
        shared = {**left, "cross_mask": mask, "query_shape": np.array([len(batch), 1, -1])}
        cache = decoder.cache(len(batch), target_ids.shape[1])
        for name in cache.keys() & {name.replace("start_", "past_") for name in left}:
            cache[name][:] = left[name.replace("past_", "start_")]
        for step in range(target_ids.shape[1]):
            inputs = {**shared, "input_ids": target_ids[:, step : step + 1], **_lengths(np.full(len(batch), step + 1))}
            best, actual = decoder.run(decoder.known(inputs), ["top_ids", "logits"], cache)
            real = step < target_lengths
            yield Compared(expected[:, step].numpy()[real], actual[real], best[real, 0])


def _pairs(run: TrainedModel, rows: list[dict[str, Any]]) -> list[tuple[list[int], list[int]]]:
    """Source and target ids; where the model knows both directions, every second row is turned round."""
    pairs, tokenizer, config = [], run.tokenizer, run.config
    reading = run.source_tokenizer or tokenizer
    start, end = ([token] if token is not None else [] for token in (tokenizer.bos_id, reading.eos_id))
    for index, row in enumerate(rows):
        sides = ("source", "target")
        languages = tuple(row[f"{side}_language"] for side in sides)
        here, back = ("-".join(pair) in config.directions for pair in (languages, languages[::-1]))
        if back and (index % 2 or not here):
            sides, languages = sides[::-1], languages[::-1]
        source, target = reading.encode(row[sides[0]]), tokenizer.encode(row[sides[1]])
        tag = reading.token_id(f"<2{languages[1]}>") or 0
        longest = min(config.context, TARGET)
        pairs.append(([tag, *source[: config.context - 2], *end], ([*start, *target] or [0])[:longest]))
    return pairs


def _summaries(run: TrainedModel, rows: list[dict[str, Any]]) -> list[tuple[list[int], list[int]]]:
    """Texts and their summaries; a text without one is compared on its own beginning."""
    tokenizer, config = run.tokenizer, run.config
    start, end = ([token] if token is not None else [] for token in (tokenizer.bos_id, tokenizer.eos_id))
    longest = min(config.target_context, TARGET)
    texts, summaries = (tokenizer.encode_batch(side) for side in (
        [row["text"] for row in rows], [row.get("summary") or row["text"] for row in rows]))
    return [([*text[: config.context - 1], *end], [*start, *summary][:longest] or [0])
            for text, summary in zip(texts, summaries, strict=True)]


_PAIRS = {"translation": _pairs, "summarisation": _summaries}

COMPARE: dict[type, Compare] = {
    BagConfig: _classifier,
    BertClassifierConfig: _classifier,
    BertConfig: _reader,
    BartConfig: _imported,
    CausalConfig: _decoder,
    T5Config: _imported,
    CNNConfig: _classifier,
    DecoderConfig: _decoder,
    DualConfig: _dual,
    EncoderConfig: _classifier,
    LSTMConfig: _classifier,
    LexRankConfig: _sentences,
    NgramConfig: _recurrent,
    QANetConfig: _reader,
    RecurrentLMConfig: _recurrent,
    CopyingTransformerConfig: _encoder_decoder,
    PointerConfig: _encoder_decoder,
    RNNConfig: _encoder_decoder,
    TransformerConfig: _encoder_decoder,
    TransformerReaderConfig: _reader,
    VAEConfig: _autoencoder,
}
"""Configuration -> how its graphs are compared with its network."""
