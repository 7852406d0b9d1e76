"""From weights to an artifact: lay out the weights, build the graphs, have them checked, write the folder."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from modeling.artifact import WEIGHTS, Artifact, write_artifact
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
from modeling.export.bag import bag_graphs
from modeling.export.bart import bart_graphs
from modeling.export.bert import bert_graphs
from modeling.export.bert_classifier import bert_classifier_graphs
from modeling.export.causal import causal_graphs
from modeling.export.cnn import cnn_graphs
from modeling.export.decoder import decoder_graphs
from modeling.export.dual import dual_graphs
from modeling.export.encoder import encoder_graphs
from modeling.export.graph import Graph
from modeling.export.lstm import lstm_graphs
from modeling.export.ngram import ngram_graphs
from modeling.export.reading import qanet_graphs, transformer_reader_graphs
from modeling.export.recurrent_lm import recurrent_lm_graphs
from modeling.export.rnn import rnn_graphs
from modeling.export.sentence_vectors import sentence_vector_graphs
from modeling.export.t5 import t5_graphs
from modeling.export.transformer import transformer_graphs
from modeling.export.vae import vae_graphs
from modeling.export.weights import Storage, Weights, encode_weights

if TYPE_CHECKING:
    from modeling.text import Tokenizer

GRAPHS: dict[type, Callable[[Any, Weights], list[Graph]]] = {
    BagConfig: bag_graphs,
    BertClassifierConfig: bert_classifier_graphs,
    BertConfig: bert_graphs,
    BartConfig: bart_graphs,
    CausalConfig: causal_graphs,
    T5Config: t5_graphs,
    CNNConfig: cnn_graphs,
    DecoderConfig: decoder_graphs,
    DualConfig: dual_graphs,
    EncoderConfig: encoder_graphs,
    LSTMConfig: lstm_graphs,
    LexRankConfig: sentence_vector_graphs,
    NgramConfig: ngram_graphs,
    QANetConfig: qanet_graphs,
    RecurrentLMConfig: recurrent_lm_graphs,
    CopyingTransformerConfig: transformer_graphs,
    PointerConfig: rnn_graphs,
    RNNConfig: rnn_graphs,
    TransformerConfig: transformer_graphs,
    TransformerReaderConfig: transformer_reader_graphs,
    VAEConfig: vae_graphs,
}
"""Configuration -> the graphs of its network."""


def assemble(
    out: Path | str,
    *,
    task: str,
    model: str,
    config: Any,
    state: Mapping[str, torch.Tensor],
    storage: Storage = "fp32",
    tokenizer: Tokenizer | None = None,
    source_tokenizer: Tokenizer | None = None,
    labels: Sequence[str] | None = None,
    name: str = "",
    card: str = "",
    metrics: Mapping[str, Any] | None = None,
    prove: Callable[[Path], dict[str, Any]] | None = None,
    **manifest: Any,
) -> Artifact:
    """Write the artifact of a config and a state dict.

    `prove` gets a folder with the graphs and the weights, and returns the parity figures or raises ParityError, in
    which case nothing is written. `manifest` adds entries such as preprocessing, languages, defaults and lineage.
    """
    weights = encode_weights(state, storage)
    graphs = GRAPHS[type(config)](config, weights)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / WEIGHTS).write_bytes(weights.content)
        for graph in graphs:
            (folder / graph.entry["file"]).write_bytes(graph.model.SerializeToString())
        if tokenizer is not None:
            tokenizer.save(folder / "tokenizer.json")
        if source_tokenizer is not None:
            source_tokenizer.save(folder / "source_tokenizer.json")
        parity = prove(folder) if prove else {}
        files: dict[str, bytes | Path] = {path.name: path for path in sorted(folder.iterdir())}
        files |= documents(card=card, metrics=metrics, labels=labels)
        whole = {
            "name": name or Path(out).name, "task": task, "model": model, "config": asdict(config), "storage": storage,
            "preprocessing": {}, "graphs": [graph.entry for graph in graphs], "parity": parity, "created": now(),
            **manifest,
        }
        return write_artifact(out, manifest=whole, files=files)


def documents(
    *, card: str, metrics: Mapping[str, Any] | None = None, labels: Sequence[str] | None = None
) -> dict[str, bytes]:
    """The files that people read, and the labels."""
    files = {"card.md": card.encode(), "metrics.json": json.dumps(metrics or {}, indent=1, ensure_ascii=False).encode()}
    return files if labels is None else files | {"labels.json": json.dumps(list(labels), ensure_ascii=False).encode()}


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
