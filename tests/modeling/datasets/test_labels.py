"""Texts with one label, with several, with none."""

from __future__ import annotations

import json
from pathlib import Path

from modeling.datasets import build, labels_of, read, several_labels


def test_a_list_and_bars_are_several_labels_and_an_empty_list_is_none(tmp_path: Path) -> None:
    given = [["b", " a ", "b"], "a|c", "a", [], None]
    lines = [json.dumps({"text": f"text {n}", "label": label}) for n, label in enumerate(given)]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    found = read([tmp_path / "rows.jsonl"], task="classification")
    assert [labels_of(row) for row in found.rows] == [["b", "a"], ["a", "c"], ["a"], []]
    assert several_labels(found.rows) and not several_labels(found.rows[2:3])
    assert [problem.message for problem in found.problems] == ["the label is empty"]


def test_the_report_counts_each_label(tmp_path: Path) -> None:
    rows = "".join(f"text number {n},{'a|b' if n % 2 else 'a'}\n" for n in range(40))
    (tmp_path / "rows.csv").write_text("text,label\n" + rows)
    report = build([tmp_path / "rows.csv"], tmp_path / "out", task="classification")
    assert {entry["label"]: entry["rows"] for entry in report["labels"]} == {"a": 40, "b": 20}
