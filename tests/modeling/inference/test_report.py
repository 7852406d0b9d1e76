"""The evaluation report of each task, and what it says of each row."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from modeling.__main__ import main
from modeling.artifact import Artifact
from modeling.errors import ConfigError, DataError
from modeling.inference import SamplingParams
from modeling.inference.evaluation import Measurement
from modeling.inference.report import write_report

CLASSIFIED = [{"text": "fox " * (n % 7 + 1), "label": "abc"[n % 3]} for n in range(60)]
LANGUAGES = {"source_language": "en", "target_language": "fr"}
PAIRS = [{"source": source, "target": target, **LANGUAGES} for source, target in (
    ("The fox.", "Le renard."), ("The fox.", "Un renard."), ("Nobody knows.", "Personne ne sait."))]
CONTEXT = "The quick brown fox jumps over the lazy dog . " * 8
QUESTIONS = [{"id": "", "title": "", "context": CONTEXT, "question": "How many words ?", "answers": found}
             for found in ([{"text": "fox", "start": 16}], [{"text": "dog", "start": 40}], [])]
TEXTS = [{"text": "The quick brown fox " * n} for n in (1, 3, 70)]
SUMMARIES = [{"text": "Cats sleep. Dogs bark. Cats and dogs sleep.", "summary": "Cats and dogs sleep."},
             {"text": "One. Two. Three.", "summary": "Two."}]
ROWS = {"classifier": CLASSIFIED, "translator": PAIRS, "reader": QUESTIONS, "writer": TEXTS, "summariser": SUMMARIES}


def measured(folder: Path, rows: list[dict[str, Any]], out: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The report and the predictions, as they stand on the disk."""
    write_report(Measurement(artifact=Artifact.load(folder), rows=rows, threads=1,
                             sampling=SamplingParams(beam=2, max_tokens=10)), out)
    lines = (out / "predictions.jsonl").read_text("utf-8").splitlines()
    return json.loads((out / "report.json").read_text("utf-8")), [json.loads(line) for line in lines]


@pytest.mark.parametrize("fixture", ROWS)
def test_a_report_holds_figures_with_intervals_and_every_row(
    fixture: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    report, lines = measured(request.getfixturevalue(fixture), ROWS[fixture], tmp_path / "report")
    flat = {name: value for name, value in report["metrics"].items() if isinstance(value, float)}
    assert flat
    for name, value in flat.items():
        low, high = report["intervals"][name]
        assert low <= value + 1e-9, name
        assert value <= high + 1e-9, name
    assert [line["index"] for line in lines] == list(range(len(lines)))
    assert all(0 <= line["score"] <= 1 for line in lines)
    assert all(line["confidence"] is None or 0 <= line["confidence"] <= 1 for line in lines)
    scores = [lines[index]["score"] for index in report["best"]]
    assert scores == sorted(scores, reverse=True)
    assert lines[report["worst"][0]]["score"] == min(line["score"] for line in lines)
    assert report["rows"] > 0
    assert report["rows_per_second"] > 0


def test_the_matrix_and_the_calibration_count_the_rows_of_a_classifier(classifier: Path, tmp_path: Path) -> None:
    report, lines = measured(classifier, CLASSIFIED, tmp_path / "report")
    labels, matrix = report["confusion"]["labels"], report["confusion"]["matrix"]
    for place, truth in enumerate(labels):
        for other, found in enumerate(labels):
            there = [line for line in lines if (line["expected"], line["output"]) == (truth, found)]
            assert matrix[place][other] == len(there)
    assert sum(entry["rows"] for entry in report["calibration"]["bins"]) == 60
    assert len(report["calibration"]["bins"]) == 10
    assert 0 <= report["calibration"]["error"] <= 1
    assert set(report["intervals"]) >= {"accuracy", "macro_f1", "f1/a", "f1/b", "f1/c"}


def test_a_translator_has_a_line_for_each_sentence_and_direction(translator: Path, tmp_path: Path) -> None:
    report, lines = measured(translator, PAIRS, tmp_path / "report")
    assert {(line["direction"], line["input"]) for line in lines} == {
        ("en-fr", "The fox."), ("en-fr", "Nobody knows."),
        ("fr-en", "Le renard."), ("fr-en", "Un renard."), ("fr-en", "Personne ne sait."),
    }
    assert next(line for line in lines if line["input"] == "The fox.")["expected"] == ["Le renard.", "Un renard."]
    assert set(report["intervals"]) == {"bleu", "chrf", *(f"directions/{pair}/{figure}" for pair in ("en-fr", "fr-en")
                                                          for figure in ("bleu", "chrf"))}
    assert "confusion" not in report


def test_a_question_without_an_answer_is_right_where_none_is_given(reader: Path, tmp_path: Path) -> None:
    report, lines = measured(reader, QUESTIONS, tmp_path / "report")
    assert [line["row"] for line in lines] == [0, 1, 2]
    assert (lines[2]["output"] == "") is (lines[2]["score"] == 1.0) is (report["metrics"]["refused"] == 1.0)
    assert report["calibration"]["bins"]


def test_an_earlier_report_is_replaced_and_nothing_else(summariser: Path, tmp_path: Path) -> None:
    for _ in range(2):
        measured(summariser, SUMMARIES, tmp_path / "report")
    assert os.listdir(tmp_path) == ["report"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep me")
    with pytest.raises(ConfigError, match="is no report"):
        measured(summariser, SUMMARIES, tmp_path / "mine")


def test_what_cannot_be_measured_leaves_nothing(summariser: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        measured(summariser, [{"text": "One."}], tmp_path / "report")
    assert not os.listdir(tmp_path)


def test_the_command_says_how_far_it_is(
    classifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    monkeypatch.setattr("modeling.inference.evaluation.TELL_SECONDS", 0.0)
    data = tmp_path / "test.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in CLASSIFIED))
    report = tmp_path / "report"
    assert main(["evaluate", str(classifier), "--data", str(data), "--report", str(report), "--threads", "1"]) == 0
    *progress, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert progress[-1]["progress"] == 1
    assert progress[-1]["note"] == "60 / 60"
    assert last["result"]["rows"] == 60
    assert main(["evaluate", str(classifier)]) == 2
    assert "no data" in capsys.readouterr().err
