"""What a training will cost, said before it starts."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from modeling.configs import (
    TRAINABLE,
    BertConfig,
    DecoderConfig,
    LSTMConfig,
    QANetConfig,
    TransformerConfig,
    TransformerReaderConfig,
    estimate,
)
from modeling.configs.defaults import characters_of
from modeling.errors import ConfigError
from modeling.models import BertReader, Decoder, LSTMClassifier, QANet, Transformer, TransformerReader
from modeling.training import Request, train

NETWORKS: list[tuple[str, str, Any, Any]] = [
    ("classification", "lstm", LSTMClassifier, LSTMConfig(vocabulary_size=500, bidirectional=True)),
    ("classification", "lstm", LSTMClassifier, LSTMConfig(vocabulary_size=500, labels=7)),
    ("question-answering", "bert", BertReader, BertConfig(vocabulary_size=900, layers=2)),
    ("question-answering", "qanet", QANet, QANetConfig(vocabulary_size=900, blocks=2)),
    ("question-answering", "transformer", TransformerReader, TransformerReaderConfig(vocabulary_size=900)),
    ("generation", "decoder", Decoder, DecoderConfig(vocabulary_size=700, layers=3)),
    ("translation", "transformer", Transformer, TransformerConfig(vocabulary_size=700, decoder_layers=2)),
]


@pytest.mark.parametrize(("task", "model", "network", "config"), NETWORKS)
def test_parameters_are_those_of_the_network(task: str, model: str, network: Any, config: Any) -> None:
    found = estimate(task, model, asdict(config), rows=1000, characters=100_000)
    assert found.parameters == sum(parameter.numel() for parameter in network(config).parameters())


def test_steps_and_tokens_are_near_those_of_a_real_training(tmp_path: Path) -> None:
    rows = [{"text": f"the number {n} comes after {n - 1} " * (1 + n % 5), "label": "ab"[n % 2]} for n in range(900)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = {"epochs": 2.0, "vocabulary_size": 400, "hidden": 8, "embedding": 8, "batch_tokens": 512}
    events: list[dict[str, Any]] = []
    train(Request(task="classification", model="lstm", data=[tmp_path / "rows.jsonl"], out=tmp_path / "out",
                  settings=settings), on_event=events.append)
    started = next(event for event in events if event["event"] == "started")
    left = rows[:720]
    found = estimate("classification", "lstm", settings, rows=len(left), characters=sum(map(characters_of, left)))
    assert found.steps == pytest.approx(started["steps"], rel=0.6)


@pytest.mark.parametrize(("task", "model"), [(task, model) for task, models in TRAINABLE.items() for model in models])
def test_more_rows_take_longer_and_need_no_less_memory(task: str, model: str) -> None:
    few, many = (estimate(task, model, {"epochs": 3.0}, rows=rows, characters=90 * rows) for rows in (2000, 200_000))
    assert few.seconds < many.seconds
    assert few.memory_bytes < many.memory_bytes
    assert few.tokens < many.tokens


def test_a_measured_speed_goes_before_the_guess() -> None:
    slow, fast = (estimate("generation", "decoder", {}, rows=1000, characters=10**6, speed=speed).seconds
                  for speed in (100.0, 10_000.0))
    assert slow > 20 * fast


def test_chinese_has_more_tokens_for_its_characters() -> None:
    english, chinese = (estimate("generation", "decoder", {}, rows=1000, characters=10**6, languages=[code]).tokens
                        for code in ("en", "zh"))
    assert chinese > 2 * english


def test_a_parent_decides_the_sizes_and_what_does_not_fit_is_said() -> None:
    parent = asdict(DecoderConfig(layers=2, vocabulary_size=300))
    assert estimate("generation", "decoder", {}, rows=10, characters=1000, parent=parent).parameters < 3_000_000
    with pytest.raises(ConfigError) as caught:
        estimate("generation", "decoder", {"width": 100}, rows=10, characters=1000)
    assert caught.value.field == "width"


def test_no_rows_cost_little() -> None:
    assert estimate("classification", "lstm", {}, rows=0, characters=0).steps >= 1
