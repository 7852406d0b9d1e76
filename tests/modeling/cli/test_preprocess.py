"""`preprocess` as people call it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modeling.__main__ import main


@pytest.fixture
def file(tmp_path: Path) -> str:
    rows = [{"text": f"<b>Hello</b> &amp; {n} \x1b[31mred", "label": "ab"[n % 2]} for n in range(9)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(tmp_path / "rows.jsonl")


def test_each_step_has_its_line(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["preprocess", file, "--task", "classification", "--rows", "2", "--set", "html=true",
             "preprocessing_segment=yes", "lowercase=true"]
    assert main(given) == 0
    shown = capsys.readouterr().out
    lines = [line for line in shown.splitlines() if line]
    assert [line.split()[0] for line in lines] == ["1", "text", "html", "blanks", "lowercase", "segment"] * 1 + [
        "2", "text", "html", "blanks", "lowercase", "segment"]
    assert lines[2] == "  html       Hello & 0 [31mred" and lines[5].split(maxsplit=1)[1].startswith("hello & 0")
    assert "\x1b" not in shown
    assert main([*given, "--json"]) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert [step["name"] for step in first[0]["steps"]] == ["html", "blanks", "lowercase", "segment"]


@pytest.mark.parametrize(("setting", "told"), [("htm=true", "the steps are html"), ("ngrams=2", "needs words")])
def test_what_cannot_be_is_explained(
    file: str, setting: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["preprocess", file, "--task", "classification", "--set", setting]) == 2
    assert told in capsys.readouterr().err


def test_a_step_that_the_task_cannot_have_is_refused(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preprocess", file, "--task", "generation", "--set", "segment=true"]) == 2
    assert "segment cannot be used for generation" in capsys.readouterr().err
