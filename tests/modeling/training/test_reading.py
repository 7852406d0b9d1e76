import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BertConfig, BertModel

from modeling.text import Tokenizer
from modeling.training.objectives.reading import Reading, best_span, token_spans
from modeling.training.optimization import Optimization
from modeling.training.prepare import make_module, make_objective, read_parent

WORDS = "the a cat dog sat ran on mat road who where was fast old".split()  # noqa: SIM905
ROWS: list[dict[str, Any]] = [
    {"id": f"{subject}{place}", "title": "t", "context": f"the {subject} sat on the {place}",
     "question": question, "answers": [{"text": answer, "start": f"the {subject} sat on the {place}".index(answer)}]}
    for subject in ("cat", "dog", "old cat", "fast dog") for place in ("mat", "road")
    for question, answer in (("who sat", subject), ("where sat", place))
]


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    torch.manual_seed(0)
    inner = {"version": "1.0", "added_tokens": [], "normalizer": None, "pre_tokenizer": {"type": "Whitespace"},
             "post_processor": None, "decoder": None, "truncation": None, "padding": None,
             "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                       "max_input_chars_per_word": 50,
                       "vocab": {w: i for i, w in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}}}
    (tmp_path / "tokenizer.json").write_text(json.dumps(inner))
    config = BertConfig(vocab_size=18, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
                        intermediate_size=64, max_position_embeddings=40)
    BertModel(config).save_pretrained(tmp_path, safe_serialization=True)
    (tmp_path / "run").mkdir()
    parent = read_parent(tmp_path, "question-answering", "bert")
    objective = make_objective("bert", "question-answering", ROWS, {"window": 20, "stride": 4, "precision": "fp32"},
                               folder=tmp_path / "run", parent=parent)
    assert isinstance(objective, Reading)
    assert isinstance(objective.tokenizer, Tokenizer)
    objective.parent = parent  # type: ignore[attr-defined]
    return objective


def test_a_reader_learns_to_point_at_answers(reading: Reading) -> None:
    module = make_module(reading, seed=0, parent=reading.parent)  # type: ignore[attr-defined]
    optimization, examples = Optimization(module, reading.training, bf16=False), reading.examples(ROWS, training=True)
    for _ in range(200):
        reading.loss(module, examples).backward()
        optimization.gather()
        optimization.update(3e-3)
    assert reading.evaluate(module, ROWS)["em"] > 90


def test_a_long_passage_is_read_in_windows_that_overlap(reading: Reading) -> None:
    passage = reading.passage("the cat sat on the mat " * 8)
    windows = reading.windows(0, [5, 6], passage, [{"text": "mat", "start": 19}])
    assert all(reading.cost(window) <= 20 for window in windows)
    assert [w.start for w in windows][1] == windows[0].stop - 4
    assert windows[-1].stop == len(passage.ids)
    assert windows[0].spans == [(5, 5)]
    assert windows[-1].spans == []


def test_spans_cover_the_tokens_of_the_answer(reading: Reading) -> None:
    offsets = reading.passage("the cat sat on the mat").offsets
    assert token_spans([{"text": "cat sat", "start": 4}], offsets) == [(1, 2)]
    assert token_spans([{"text": "at s", "start": 5}], offsets) == [(1, 2)]


def test_the_best_span_does_not_end_before_it_starts() -> None:
    starts, ends = torch.tensor([0.0, 5.0, 1.0]).numpy(), torch.tensor([9.0, 0.0, 2.0]).numpy()
    assert best_span(starts, ends)[1:] == (0, 0)
    assert best_span(starts, ends - torch.tensor([9.0, 0.0, 0.0]).numpy())[1:] == (1, 2)
