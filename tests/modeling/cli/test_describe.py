"""`describe` as people call it."""

import argparse
import json

import pytest

from modeling.cli import describe
from modeling.errors import DataError


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    describe.add_arguments(parser)
    return describe.run(parser.parse_args(words))


def test_people_and_programs_get_the_same_figures(tmp_path, capsys) -> None:
    file = tmp_path / "a.csv"
    file.write_text("a,b\nx is long,1\ny is long,2\n")
    assert run(str(file), "--columns", "text=a", "--columns", "label=1") == 0
    assert "rows         2" in capsys.readouterr().out
    assert run(str(file), "--columns", "text=a", "--columns", "label=1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["classes"] == {"1": 1, "2": 1}


def test_a_wrong_pair_is_explained(tmp_path) -> None:
    with pytest.raises(DataError, match="ROLE=COLUMN"):
        run(str(tmp_path), "--columns", "text")
