"""Examples on disk: the same as in memory, and in no memory to speak of."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modeling.datasets import RowFile
from modeling.training import Request, train
from modeling.training.batches import epoch_batches
from modeling.training.examples import training_examples
from modeling.training.objectives import Objective
from modeling.training.objectives.packing import flattened, restored
from modeling.training.prepare import make_objective

SETTINGS = {"width": 32, "layers": 1, "heads": 2, "kv_heads": 1, "hidden": 48, "context": 32, "steps": 6,
            "tokenizer": "characters", "vocabulary_size": 60, "precision": "fp32", "batch_tokens": 256, "threads": 1}
LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz  "))


def texts(count: int, length: int) -> Iterator[dict[str, str]]:
    generator = np.random.default_rng(0)
    for _ in range(count):
        yield {"text": "".join(LETTERS[generator.integers(len(LETTERS), size=length)])}


def objective_of(rows: Any, folder: Path) -> Objective:
    return make_objective("decoder", "generation", rows, SETTINGS, folder=folder, parent=None)


@pytest.mark.parametrize("value", [7, None, [1, -2], [], ([3], [4, 5], 6), [(1, 2), (3, 4)], (None, [[1], [2, 3]])])
def test_nested_numbers_come_back(value: Any) -> None:
    assert restored(flattened(value)) == value


def test_arrays_come_back_and_words_are_refused() -> None:
    (found,) = restored(flattened((np.array([5, 6], np.int32),)))
    assert found.tolist() == [5, 6]
    with pytest.raises(TypeError, match="str"):
        flattened(["word"])


def test_examples_on_disk_are_those_in_memory(tmp_path: Path) -> None:
    rows = list(texts(300, 50))
    objective = objective_of(rows, tmp_path)
    examples, costs = training_examples(objective, rows, tmp_path)
    stored, stored_costs = training_examples(objective, RowFile.write(tmp_path / "rows.jsonl", rows), tmp_path)
    assert list(stored) == list(examples)
    assert stored_costs.tolist() == costs


def test_a_large_training_set_that_comes_in_splits_trains_from_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["modeling.training.train"], "LARGE", 1)
    files = {}
    for name, count in (("train", 80), ("validation", 10), ("test", 10)):
        files[name] = tmp_path / f"{name}.jsonl"
        files[name].write_text("".join(json.dumps(row) + "\n" for row in texts(count, 60)))
    events: list[dict[str, Any]] = []
    seen: list[str] = []

    def tell(event: dict[str, Any]) -> None:
        events.append(event)
        seen.extend(path.name for path in (tmp_path / "model.run").glob("examples.*"))

    artifact = train(Request(task="generation", model="decoder", data=[files["train"]], test=[files["test"]],
                             validation=[files["validation"]], out=tmp_path / "model", settings=SETTINGS),
                     on_event=tell)
    assert {"examples.numbers", "examples.places", "examples.costs"} <= set(seen)
    assert next(event["examples"] for event in events if event["event"] == "started") > 80
    assert artifact.metrics["loss"] < 4


def test_ten_times_the_data_take_no_more_memory(tmp_path: Path) -> None:
    """In memory the larger set takes some 60 MB: 8 bytes for each of its tokens."""
    child = subprocess.run([sys.executable, "-m", __name__, str(tmp_path)], capture_output=True, text=True, check=True)
    small, large, tokens = (int(figure) for figure in child.stdout.split())
    assert tokens > 7_000_000
    assert large - small < 10 * 2**20


def measure_memory(folder: Path) -> None:
    """Encode, and make an epoch's batches: the highest resident size after each set."""
    peaks, tokens = [], 0
    objective = objective_of(list(texts(50, 1000)), folder)
    for name, count in (("small", 400), ("large", 4000)):
        (folder / name).mkdir()
        rows = RowFile.write(folder / name / "rows.jsonl", texts(count, 1000))
        examples, costs = training_examples(objective, rows, folder / name)
        batches = epoch_batches(np.asarray(costs), batch_tokens=4096, seed=0, epoch=0)
        tokens = sum(len(examples[i]) for batch in batches for i in batch)
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
    print(*peaks, tokens)


if __name__ == "__main__":
    measure_memory(Path(sys.argv[1]))
