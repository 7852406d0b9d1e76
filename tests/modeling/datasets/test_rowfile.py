from pathlib import Path

import pytest

from modeling.datasets import RowFile, read, read_to_file
from modeling.errors import DataError

ROWS = [{"text": "läuft\nweiter", "label": "a"}, {"text": "短文", "label": "b"}, {"text": "\ud800 half", "label": "a"}]


def test_rows_come_back_by_place_by_slice_and_in_order(tmp_path: Path) -> None:
    rows = RowFile.write(tmp_path / "rows.jsonl", iter(ROWS))
    assert (len(rows), list(rows)) == (3, ROWS)
    assert (rows[1], rows[-1], rows[::2]) == (ROWS[1], ROWS[2], [ROWS[0], ROWS[2]])
    assert list(RowFile(tmp_path / "rows.jsonl")) == ROWS
    with pytest.raises(IndexError):
        rows[3]


def test_a_file_that_was_not_finished_is_none(tmp_path: Path) -> None:
    def stopping():
        yield ROWS[0]
        raise InterruptedError

    with pytest.raises(InterruptedError):
        RowFile.write(tmp_path / "rows.jsonl", stopping())
    with pytest.raises(FileNotFoundError):
        RowFile(tmp_path / "rows.jsonl")


def test_data_read_to_a_file_are_those_read_into_memory(tmp_path: Path) -> None:
    for number in range(2):
        lines = "".join(f"{label}\ttext {i} of {number}\n" for i, label in enumerate(["good", "bad"] * 30))
        (tmp_path / f"{number}.tsv").write_text("label\ttext\n" + lines + "good\n")
    files = sorted(tmp_path.glob("*.tsv"))
    stored = read_to_file(tmp_path / "rows.jsonl", files, task="classification")
    whole = read(files, task="classification")
    assert list(stored.rows) == whole.rows
    assert (stored.languages, stored.problems, stored.files) == (whole.languages, whole.problems, whole.files)


def test_who_reads_a_file_reads_all_of_it_while_it_is_written_again(tmp_path: Path) -> None:
    first = RowFile.write(tmp_path / "rows.jsonl", ROWS)

    def again():
        yield ROWS[0]
        assert list(first) == [first[i] for i in range(len(first))] == ROWS
        raise DataError("the rest cannot be read")

    with pytest.raises(DataError):
        RowFile.write(tmp_path / "rows.jsonl", again())
    assert list(first) == ROWS and len(list(tmp_path.iterdir())) == 2
