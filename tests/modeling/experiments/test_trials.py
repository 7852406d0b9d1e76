"""A search for settings: real trainings, in children."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modeling.errors import ConfigError
from modeling.experiments import Asked, read_space, search
from tests.modeling.tiny import LABELLED, TINY


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    for name, rows in (("train", LABELLED[:240]), ("validation", LABELLED[240:])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    tiny = TINY["classification", "lstm"]
    settings = {key: str(value) for key, value in {**tiny.common, **tiny.settings, "steps": 20}.items()}
    return Asked(task="classification", model="lstm", train=tmp_path / "train.jsonl", settings=settings, trials=2,
                 validation=tmp_path / "validation.jsonl",
                 space=read_space("classification", "lstm", {"learning_rate": "1e-3..0.1:log"}))


def test_the_best_trial_on_the_validation_split_wins_and_a_search_goes_on(asked: Asked, tmp_path: Path) -> None:
    events: list[dict[str, Any]] = []
    found = search(asked, tmp_path / "out", on_event=events.append)
    ended = {event["number"]: event for event in events if event.get("state") == "complete"}
    assert len(ended) == 2 and all(event["curve"] for event in ended.values())
    assert found["value"] == max(event["value"] for event in ended.values())
    assert found["settings"] == ended[found["number"]]["settings"]
    assert 1e-3 <= float(found["settings"]["learning_rate"]) <= 0.1
    events.clear()
    again = search(asked, tmp_path / "out", on_event=events.append)
    assert again == found and not events
    assert not list((tmp_path / "out").glob("trials/*.run"))


def test_a_search_whose_trials_all_fail_says_why(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modeling.experiments.trials.STARTUP", 1)
    with pytest.raises(ConfigError, match="memory"):
        search(replace(asked, settings={**asked.settings, "hidden": "65000", "embedding": "8000"}), tmp_path / "out")
