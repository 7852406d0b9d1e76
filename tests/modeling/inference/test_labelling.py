"""A file of texts in, a labelled file out."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from modeling.__main__ import main
from modeling.artifact import Artifact
from modeling.errors import ConfigError, DataError
from modeling.inference.classification import ClassificationScheduler
from modeling.inference.labelling import ROWS, answers, label_file


@pytest.fixture
def scheduler(classifier: Path) -> ClassificationScheduler:
    return ClassificationScheduler(Artifact.load(classifier), threads=1, device="cpu", slots=1, max_waiting=1)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_every_row_keeps_its_columns_and_gets_its_label(scheduler: ClassificationScheduler, tmp_path: Path) -> None:
    texts = [f"fox number {n}" for n in range(ROWS + 50)]
    (tmp_path / "in.csv").write_text("id,text\n" + "".join(f"{n},{text}\n" for n, text in enumerate(texts)))
    shares: list[float] = []
    found = label_file(scheduler, tmp_path / "in.csv", tmp_path / "out.csv",
                       on_progress=lambda share, rows: shares.append(share))
    rows, expected = table(tmp_path / "out.csv"), answers(scheduler, texts)
    assert [row["id"] for row in rows] == [str(n) for n in range(len(texts))]
    assert [row["predicted"] for row in rows] == [label for label, _, _ in expected]
    assert rows[0].keys() == {"id", "text", "predicted", "probability", "sure"} and rows[0]["sure"] == "yes"
    assert found["rows"] == len(texts) and found["column"] == "text" and sum(found["labels"].values()) == len(texts)
    assert len(shares) == 2 and shares[-1] == 1.0
    assert list(tmp_path.glob(".*")) == []


def test_formulas_are_escaped_and_rows_without_text_get_no_label(
    scheduler: ClassificationScheduler, tmp_path: Path
) -> None:
    (tmp_path / "in.csv").write_text('text,note\n"=1+1 is a fox",@x\n"",empty\nfox,"a ""b"""\n')
    label_file(scheduler, tmp_path / "in.csv", tmp_path / "out.csv")
    first, second, third = table(tmp_path / "out.csv")
    assert first["text"] == "'=1+1 is a fox" and first["note"] == "'@x" and third["note"] == 'a "b"'
    assert second["predicted"] == "" and second["probability"] == ""


def test_lines_of_text_and_json_lines_are_read_too(scheduler: ClassificationScheduler, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("a quick fox\n\n春眠不觉晓\n")
    label_file(scheduler, tmp_path / "in.txt", tmp_path / "out.jsonl", threshold=1.0)
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["text"] for row in rows] == ["a quick fox", "春眠不觉晓"]
    assert all(row["sure"] is False and 0 < row["probability"] < 1 for row in rows)
    (tmp_path / "in.jsonl").write_text('{"title": "fox", "predicted": 3}\n{"title": "dog"}\nno json\n')
    found = label_file(scheduler, tmp_path / "in.jsonl", tmp_path / "again.tsv")
    assert found["left_out"] == 1 and found["column"] == "title"
    assert (tmp_path / "again.tsv").read_text("utf-8-sig").splitlines()[0].split("\t") == [
        "title", "predicted_given", "predicted", "probability", "sure"]


def test_the_column_can_be_named_and_what_cannot_be_is_said(scheduler: ClassificationScheduler, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a,b\nlong long text,fox\nanother long text,dog\n")
    assert label_file(scheduler, tmp_path / "in.csv", tmp_path / "out.csv")["column"] == "a"
    assert label_file(scheduler, tmp_path / "in.csv", tmp_path / "out.csv", column="b")["column"] == "b"
    with pytest.raises(DataError, match="no column 'c'"):
        label_file(scheduler, tmp_path / "in.csv", tmp_path / "new.csv", column="c")
    with pytest.raises(ConfigError, match="new.xlsx"):
        label_file(scheduler, tmp_path / "in.csv", tmp_path / "new.xlsx")
    assert not (tmp_path / "new.csv").exists()


def test_the_command_tells_its_result(
    classifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.txt").write_text("fox\ndog\n")
    out = tmp_path / "out.csv"
    assert main(["label", str(classifier), str(tmp_path / "in.txt"), "--out", str(out), "--threads", "1"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["result"]["rows"] == 2 and len(table(out)) == 2
    assert main(["label", str(classifier), str(tmp_path / "none.txt"), "--out", str(out)]) == 2
