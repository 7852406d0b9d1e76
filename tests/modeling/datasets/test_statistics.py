"""describe(): a data set in figures."""

import json

from modeling.datasets import describe


def test_a_description_counts_what_matters(tmp_path) -> None:
    rows = ["the cat is here,a", "The cat  is here,a", "the cat is here,b", "it was a long day for us,b", ",a", "x"]
    (tmp_path / "a.csv").write_text("text,label,extra\n" + "\n".join(f"{row},z" for row in rows))
    found = describe(tmp_path / "a.csv")
    assert (found.rows, found.duplicates, found.conflicts, found.languages) == (4, 2, 1, ["en"])
    assert found.classes == {"a": 2, "b": 2}
    assert found.columns == [{"name": "text", "role": "text"}, {"name": "label", "role": "label"},
                             {"name": "extra", "role": None}]
    assert found.lengths["text"] == {"shortest": 15, "median": 15, "p95": 24, "longest": 24}
    assert found.problems == {"errors": 2, "warnings": 0}
    assert json.loads(json.dumps(found.as_json()))["task"] == "classification"


def test_only_the_first_ten_problems_are_shown_and_the_rest_counted(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("text,label\nx,a\n" + "y\n" * 25)
    text = str(describe(tmp_path / "a.csv"))
    assert text.count("1 columns where the header has 2") == 10
    assert "and 15 more" in text


def test_a_long_list_of_classes_is_cut(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("text,label\n" + "".join(f"x{i},label{i % 50}\n" for i in range(200)))
    assert "..., label" in str(describe(tmp_path / "a.csv"))
