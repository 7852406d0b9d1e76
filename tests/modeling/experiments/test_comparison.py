"""Models on the same data, ranked: the whole way with real trainings in children."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modeling.errors import ConfigError
from modeling.experiments import Standing, compare, contestants, table
from tests.modeling.tiny import LABELLED, TINY


def test_contestants_are_models_with_settings() -> None:
    plain, small = contestants("classification", "lstm,lstm:hidden=16:bidirectional=true", {})
    assert plain.name == "lstm" and small.settings == {"hidden": "16", "bidirectional": "true"}
    assert small.name == "lstm:hidden=16:bidirectional=true"


def test_all_leaves_out_what_lacks_its_start(tmp_path: Path) -> None:
    assert "bert" not in {one.model for one in contestants("classification", "all", {})}
    assert "bert" in {one.model for one in contestants("question-answering", "all", {"bert": tmp_path})}


@pytest.mark.parametrize(("task", "asked", "said"), [
    ("classification", "lstm:hiden=4", "no setting"), ("classification", "decoder", "cannot be trained"),
    ("question-answering", "bert", "--from bert=FOLDER"), ("summarisation", "lexrank", "--from lexrank=FOLDER"),
    ("classification", "lstm,lstm", "twice"), ("classification", " , ", "no model is named"),
])  # fmt: skip
def test_what_cannot_compete_is_said_before_anything_is_trained(task: str, asked: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        contestants(task, asked, {})


def test_models_are_trained_measured_and_ranked_and_done_work_stays(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in LABELLED))
    tiny = TINY["classification", "lstm"]
    settings = ":".join(f"{key}={value}" for key, value in {**tiny.common, **tiny.settings, "steps": 40}.items())
    models = contestants("classification", f"lstm:{settings},lstm:hidden=65000:embedding=8000", {})
    events: list[dict[str, Any]] = []
    asked = {"task": "classification", "models": models, "storage": "fp32", "on_event": events.append}
    found = compare([tmp_path / "rows.jsonl"], tmp_path / "out", **asked)
    assert [one.name for one in found] == [models[0].name]
    assert [event["name"] for event in events if event["event"] == "failed"] == [models[1].name]
    assert "memory" in next(event["text"] for event in events if event["event"] == "failed")
    [one] = found
    low, high = one.intervals["accuracy"]
    assert low <= one.metrics["accuracy"] <= high
    assert one.seconds and one.latency and one.latency < 1 and one.rows_per_second > 1 and one.bytes > 1000
    assert json.loads((tmp_path / "out" / "leaderboard.json").read_text())["standings"][0]["name"] == one.name
    events.clear()
    again = compare([tmp_path / "rows.jsonl"], tmp_path / "out", **asked | {"models": models[:1]})
    assert again[0].metrics == one.metrics
    assert not [event for event in events if event["event"] == "step"]


def test_the_table_has_the_best_first_and_says_how_sure_it_is() -> None:
    def standing(name: str, loss: float, seconds: float | None) -> Standing:
        return Standing(name=name, metrics={"loss": loss}, intervals={"loss": (loss - 1, loss + 1)}, seconds=seconds,
                        bytes=2_500_000, latency=0.0123, rows_per_second=1234.0)

    lines = table("generation", [standing("ngram", 4.0, None), standing("decoder", 2.5, 600.0)]).splitlines()
    assert lines[2].split("|")[1:4] == [" decoder ", " 2.5 (1.5 to 3.5) ", " 10 min   "]
    assert "–" in lines[3] and "12.3 ms" in lines[3] and "2.5 MB" in lines[3]
    assert len(set(map(len, lines))) == 1
