"""`build` as the trainer process calls it."""

import json

import pytest

from modeling.__main__ import main
from modeling.cli.build import read_options
from modeling.datasets import BuildOptions
from modeling.errors import ConfigError


def test_events_are_lines_of_json_and_the_result_is_the_last(tmp_path, capsys) -> None:
    (tmp_path / "a.csv").write_text("words,kind\n" + "".join(f"text {i},{i % 2}\n" for i in range(40)))
    assert main(["build", str(tmp_path / "a.csv"), "--out", str(tmp_path / "out"), "--task", "classification",
                 "--columns", "text=words", "label=1", "--set", "validation=0.25", "test=0", "seed=3"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[-1] == {"result": {"train": 30, "validation": 10, "test": 0}}
    assert lines[-2]["report"]["done"]
    assert any("progress" in line for line in lines)


def test_a_fault_is_a_message_and_2(tmp_path, capsys) -> None:
    (tmp_path / "a.csv").write_bytes(b"\0\1\2")
    assert main(["build", str(tmp_path / "a.csv"), "--out", str(tmp_path / "out")]) == 2
    assert "a.csv is a binary file" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_options_are_read_by_their_types() -> None:
    assert read_options({"validation": "0.2", "seed": "7", "drop_duplicates": "False"}) == BuildOptions(
        validation=0.2, seed=7, drop_duplicates=False)
    for pair in ({"seed": "x"}, {"drop_duplicates": "perhaps"}, {"tset": "0.1"}):
        with pytest.raises(ConfigError) as caught:
            read_options(pair)
        assert caught.value.field == next(iter(pair))
