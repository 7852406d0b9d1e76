from pathlib import Path

import pytest

from modeling.__main__ import main
from modeling.cli.train import pairs_of, show_bar
from modeling.errors import ConfigError


def test_a_model_that_is_only_imported_is_not_trained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["train", "--task", "summarisation", "--model", "bart", "--data", "texts.txt"]
    assert main([*asked, "--out", str(tmp_path / "out")]) == 2
    assert "cannot be trained" in capsys.readouterr().err


def test_a_reader_needs_weights_to_start_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = '{"id": "%d", "title": "t%d", "context": "Ada wrote it in %d", "question": "who", "answers": ["Ada"]}\n'
    data = tmp_path / "questions.jsonl"
    data.write_text("".join(row % (n, n, n) for n in range(40)))
    asked = ["train", "--task", "question-answering", "--model", "bert", "--data", str(data)]
    assert main([*asked, "--out", str(tmp_path / "out")]) == 2
    assert "--from" in capsys.readouterr().err


def test_an_unknown_setting_is_refused_without_a_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["train", "--task", "classification", "--data", "x.csv", "--out", str(tmp_path / "out")]
    assert main([*arguments, "--set", "epoch=3"]) == 2
    told = capsys.readouterr().err
    assert "no setting 'epoch'" in told
    assert "epochs" in told


def test_a_setting_without_a_value_is_refused() -> None:
    assert pairs_of(["steps=3", "directions=en-fr,fr-en"]) == {"steps": "3", "directions": "en-fr,fr-en"}
    with pytest.raises(ConfigError, match="KEY=VALUE"):
        pairs_of(["steps"])


def test_the_bar_shows_progress_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    show_bar({"event": "step", "step": 50, "steps": 200, "loss": 1.5, "tokens_per_second": 4200, "seconds_left": 12.3})
    told = capsys.readouterr().err
    assert "25%" in told
    assert "4,200 tokens/s" in told
    assert "\n" not in told
