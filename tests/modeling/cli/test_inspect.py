"""`inspect` and `starters`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from modeling.artifact import Artifact
from modeling.cli import inspect, starters
from modeling.configs import LSTMConfig
from modeling.errors import ArtifactError
from modeling.export import assemble, export_lexrank
from modeling.models import LSTMClassifier


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    config = LSTMConfig(vocabulary_size=20, embedding=4, hidden=4)
    return assemble(
        tmp_path / "spam", task="classification", model="lstm", config=config, storage="int8",
        state=LSTMClassifier(config).state_dict(), labels=["ham", "spam"], languages=["en"],
        card="# Spam\nFinds spam.\n" + "more\n" * 20,
        metrics={"accuracy": 0.98712, "f1": {"spam": 0.95}, "confusion_matrix": [[1, 2], [3, 4]]},
        lineage={"seed": 3, "data": [{"name": "sms.tsv", "sha256": "ab12"}]},
        prove=lambda folder: {"rows": 512, "max_difference": 1.5e-6},
    )


def arguments(command: object, *given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)  # type: ignore[attr-defined]
    return parser.parse_args(given)


def test_inspect_prints_what_people_ask_first(artifact: Artifact, capsys: pytest.CaptureFixture[str]) -> None:
    assert inspect.run(arguments(inspect, str(artifact.path))) == 0
    text = capsys.readouterr().out
    wanted = (
        "spam: classification by lstm", "ham, spam", "int8", "weights.safetensors", "probabilities  f32 [B, 2]",
        "rows            512", "1.5e-06", "f1 / spam  0.95", "data 1 / sha256  ab12", "# Spam", "more lines in card.md",
    )
    for part in wanted:
        assert part in text
    assert "confusion" not in text


def test_inspect_json_is_one_object_with_the_whole_card(artifact: Artifact, capsys: pytest.CaptureFixture[str]) -> None:
    inspect.run(arguments(inspect, str(artifact.path), "--json"))
    found = json.loads(capsys.readouterr().out)
    assert found["task"] == "classification"
    assert found["metrics"]["confusion_matrix"] == [[1, 2], [3, 4]]
    assert found["card"] == artifact.card
    assert found["bytes"] == artifact.bytes


def test_inspect_refuses_an_altered_artifact(artifact: Artifact) -> None:
    (artifact.path / "card.md").write_bytes(b"!" + (artifact.path / "card.md").read_bytes()[1:])
    with pytest.raises(ArtifactError, match="was altered"):
        inspect.run(arguments(inspect, str(artifact.path)))


def test_a_method_without_graphs_is_inspected_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export_lexrank(tmp_path / "lexrank", card="# LexRank\n")
    inspect.run(arguments(inspect, str(tmp_path / "lexrank")))
    assert "lexrank: summarisation by lexrank" in capsys.readouterr().out


def test_starters_are_listed_with_their_figures(artifact: Artifact, tmp_path: Path) -> None:
    found = starters.starters(tmp_path)
    assert found == [{"name": "spam", "task": "classification", "path": str(artifact.path), "bytes": artifact.bytes,
                      "metrics": artifact.metrics}]


def test_starters_json_is_one_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert starters.run(arguments(starters, "--json")) == 0
    listed = json.loads(capsys.readouterr().out)
    there = sorted(starters.FOLDER.glob("*/manifest.json"))
    assert [entry["path"] for entry in listed] == [str(path.parent) for path in there]


@pytest.mark.parametrize(("size", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (12_345_678, "12.3 MB")])
def test_sizes_are_readable(size: int, text: str) -> None:
    assert inspect.readable_size(size) == text
