"""`answer` and `evaluate` as people call them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from modeling.__main__ import COMMANDS, main


def test_an_answer_streams_as_json_lines(writer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["answer", str(writer), "The fox", "--json", "--seed", "1", "--max-tokens", "50"]) == 0
    chunks = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert chunks[-1]["finish_reason"] == "length"
    assert sum(len(chunk["token_ids"]) for chunk in chunks) == 50


def test_standard_input_is_asked_where_there_is_no_text(
    translator: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("The fox.\nThe dog."))
    arguments = ["--source-language", "en", "--target-language", "fr", "--beam", "2", "--max-tokens", "8"]
    assert main(["answer", str(translator), *arguments]) == 0
    assert capsys.readouterr().out.count("\n") >= 2


def test_documents_are_searched_for_the_answer(
    reader: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.md").write_text("# Notes\n\nThe quick brown fox jumps over the lazy dog.")
    assert main(["answer", str(reader), "fox?", "--documents", str(tmp_path / "notes.md"), "--json"]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["result"]["passages"][0]["document"] == "notes.md"
    assert main(["answer", str(reader), "zeppelin?", "--documents", str(tmp_path / "notes.md")]) == 0
    assert "No answer" in capsys.readouterr().out
    assert main(["answer", str(reader), "fox?", "--documents", str(tmp_path / "none.md")]) == 2


def test_evaluate_prints_metrics(classifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "rows.tsv"
    data.write_text("text\tlabel\n" + "".join(f"the fox {n}\t{'abc'[n % 3]}\n" for n in range(9)))
    assert main(["evaluate", str(classifier), str(data), "--json"]) == 0
    assert 0 <= json.loads(capsys.readouterr().out)["metrics"]["accuracy"] <= 1
    assert main(["evaluate", str(classifier), str(data), "--limit", "3"]) == 0
    assert "3 rows" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["answer", "/nowhere", "x"], ["evaluate", "/nowhere", "x"]])
def test_faults_end_with_a_message_and_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert not shown.out
    assert "Traceback" not in shown.err


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_says_what_it_takes(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert command in capsys.readouterr().out
