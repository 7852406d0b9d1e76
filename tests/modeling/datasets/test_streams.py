"""Files as streams: bounded lines, records and items; what is wrong is told with its line, and reading goes on."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from modeling.datasets import build, read
from modeling.datasets.dataset import Problem
from modeling.datasets.textfile import TextFile
from modeling.errors import DataError

MEGABYTE = 1024**2


def peak_memory(*arguments: str) -> float:
    """Megabytes that `python -m modeling` took at most."""
    # A process starts with the peak of the one that it was forked from: hence a small one between.
    program = ("import resource, subprocess, sys; subprocess.run([sys.executable, '-m', 'modeling', *sys.argv[1:]]); "
               "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=120)
    return int(done.stdout.split()[-1]) / 1024


def test_wrong_bytes_behind_the_beginning_cost_only_their_line(tmp_path) -> None:
    good = "".join(f"line number {i},{'ab'[i % 2]}\n" for i in range(80_000)).encode()
    (tmp_path / "a.csv").write_bytes(b"text,label\n" + good + b"b\xffd,a\n" + "después,b\n".encode() + b"nul\0,a\n")
    found = read(tmp_path / "a.csv")
    assert found.rows[-1] == {"text": "después", "label": "b"}
    assert [(p.line, p.message) for p in found.problems] == [
        (80_002, "there are bytes that are no text in the file's encoding: utf-8"),
        (80_004, "there is a zero byte, as binary files have")]


def test_one_wrong_byte_at_the_beginning_of_chinese_text_costs_only_its_line(tmp_path) -> None:
    lines = [f"这是第{i}行文字，写得很好。,好" for i in range(40)]
    (tmp_path / "a.csv").write_bytes(b"text,label\n\xff,x\n" + "\n".join(lines).encode())
    found = read(tmp_path / "a.csv")
    assert (len(found.rows), found.encoding) == (40, "utf-8")
    assert [p.line for p in found.problems] == [2]


def test_a_broken_pair_of_utf_16_costs_only_its_line(tmp_path) -> None:
    text = "text,label\n" + "good line,a\n" * 3
    (tmp_path / "a.csv").write_bytes(text.encode("utf-16") + b"\x00\xd8x\x00,\x00a\x00\n\x00"
                                     + "end,b\n".encode("utf-16-le"))
    found = read(tmp_path / "a.csv")
    assert found.rows[-1]["text"] == "end"
    assert len(found.problems) == 1


def test_a_line_without_an_end_is_skipped(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("modeling.datasets.textfile.LONGEST_LINE", 100)
    (tmp_path / "a.jsonl").write_text('{"text": "x", "label": "a"}\n' + "y" * 1000 + '\n{"text": "z", "label": "b"}\n')
    found = read(tmp_path / "a.jsonl")
    assert [row["text"] for row in found.rows] == ["x", "z"]
    assert [(p.line, p.message) for p in found.problems] == [(2, "the line is longer than 100 characters")]


def test_lines_end_as_editors_count_them(tmp_path) -> None:
    (tmp_path / "a.txt").write_bytes("one\r\ntwo\rthr\u2028ee\n\nfive".encode())
    file = TextFile(tmp_path / "a.txt")
    assert len(file.peek(2)) == 2
    assert list(file.lines()) == [(1, "one"), (2, "two"), (3, "thr\u2028ee"), (4, ""), (5, "five")]
    assert file.position() == file.size
    assert not any(isinstance(item, Problem) for item in file.lines())


def test_an_open_quote_costs_a_bounded_piece_and_is_pointed_at(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("modeling.datasets.formats.table.LONGEST_RECORD", 10_000)
    rows = [f"line number {i},{'ab'[i % 2]}" for i in range(5000)]
    rows[3000] = '"' + rows[3000]
    (tmp_path / "a.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    found = read(tmp_path / "a.csv")
    assert 4300 < len(found.rows) < 4500
    assert [p.line for p in found.problems] == [3002]
    assert "a quote may be left open" in found.problems[0].message
    assert "lines 3,002 to 3," in found.problems[0].message


def test_quotes_that_open_again_and_again_take_no_time(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("modeling.datasets.formats.table.LONGEST_RECORD", 10_000)
    (tmp_path / "a.csv").write_text("text,label\nx,a\n" + 'x","\n' * 200_000)
    started = time.monotonic()
    assert len(read(tmp_path / "a.csv").rows) == 1
    assert time.monotonic() - started < 5


def test_an_open_quote_in_a_large_file_takes_no_memory(tmp_path) -> None:
    line = "an innocent line that says nothing at all,a\n"
    with (tmp_path / "a.csv").open("w") as file:
        file.write('text,label\nx,a\n"open,b\n')
        for _ in range(25):
            file.write(line * (MEGABYTE // len(line)))
    assert peak_memory("build", str(tmp_path / "a.csv"), "--out", str(tmp_path / "out")) < 200
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["problems"][0]["line"] == 3
    assert report["rows"] > 500_000


@pytest.mark.parametrize("suffix", ["csv", "txt", "json", "tsv", "jsonl"])
def test_a_gigabyte_of_nothing_is_refused_at_once(tmp_path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    path.touch()
    os.truncate(path, 1024 * MEGABYTE)
    started = time.monotonic()
    with pytest.raises(DataError, match="binary file"):
        build(path, tmp_path / "out")
    assert time.monotonic() - started < 2


def test_a_hole_behind_good_rows_is_one_problem(tmp_path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "some words,a\nother words,b\n" * 50_000)
    os.truncate(path, path.stat().st_size + 200 * MEGABYTE)
    assert peak_memory("build", str(path), "--out", str(tmp_path / "out")) < 400
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (report["rows"], report["errors"]) == (100_000, 1)


def test_formulas_are_data(tmp_path) -> None:
    (tmp_path / "a.csv").write_text('text,label\n"=HYPERLINK(""http://x"")",@a\n+1,-b\n')
    assert read(tmp_path / "a.csv").rows == [{"text": '=HYPERLINK("http://x")', "label": "@a"},
                                             {"text": "+1", "label": "-b"}]


def test_a_json_list_of_any_size_is_read_an_item_at_a_time(tmp_path) -> None:
    item = json.dumps({"text": "word " * 40, "label": "a"})
    with (tmp_path / "a.json").open("w") as file:
        file.write('{"version": 1, "rows": [\n' + f"{item},\n" * 100_000 + f'{item}], "more": {{"x": []}}}}')
    assert peak_memory("build", str(tmp_path / "a.json"), "--out", str(tmp_path / "out")) < 200
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (report["format"], report["rows"], report["duplicates"]["rows"]) == ("json", 100_001, 100_000)


@pytest.mark.parametrize(("content", "message"), [
    ('[{"text": "x"},\n{"text": }]', "line 2 is no JSON"),
    ('[{"text": "x"}\n\n{"text": "y"}]', "line 3 is no JSON"),
    ('[{"text": "x"}] []', "goes on behind its end"),
    ('{"a": [{"text": "x"}], "b": [1]}', "not a list of objects"),
    ('[{"text": "x"}', "line 1 is no JSON"),
    ('{"a" [1]}', "line 1 is no JSON"),
])
def test_broken_json_is_told_with_its_line(tmp_path, content: str, message: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(DataError, match=message):
        read(tmp_path / "a.json", task="generation")


def test_numbers_and_escapes_survive_the_borders_of_what_is_read_at_once(tmp_path, monkeypatch) -> None:
    rows = [{"text": f"é\U0001f600 \\ {i}", "n": i * 10**i, "label": "a"} for i in range(30)]
    (tmp_path / "a.json").write_text(json.dumps(rows))
    for size in range(1, 60, 7):
        monkeypatch.setattr("modeling.datasets.formats.json_stream._CHUNK", size)
        found = read(tmp_path / "a.json", task="classification", columns={"label": "n"})
        assert [(row["text"], row["label"]) for row in found.rows] == [(row["text"], str(row["n"])) for row in rows]


def test_a_huge_item_of_json_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("modeling.datasets.formats.json_stream.MOST_CHARACTERS", 3 * MEGABYTE)
    (tmp_path / "a.json").write_text("[[" + "{}," * 5 * MEGABYTE + "{}]]")
    with pytest.raises(DataError, match="an item of the JSON has more than"):
        read(tmp_path / "a.json", task="generation")


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_json_that_would_blow_up_in_memory_is_refused(tmp_path, suffix: str) -> None:
    item = '{"text":[' + "{}," * (2 * MEGABYTE) + "{}]}"
    (tmp_path / f"a.{suffix}").write_text(f"[{item}]" if suffix == "json" else item + '\n{"text": "x"}\n')
    if suffix == "json":
        with pytest.raises(DataError, match="an item of the JSON has more than 400,000 values"):
            read(tmp_path / "a.json", task="generation")
    else:
        found = read(tmp_path / "a.jsonl", task="generation")
        assert [p.message for p in found.problems] == ["the line has more than 400,000 values"]


def test_a_tmx_is_read_a_unit_at_a_time_and_a_huge_unit_refused(tmp_path, monkeypatch) -> None:
    unit = '<tu><tuv xml:lang="en"><seg>Go {0}.</seg></tuv><tuv xml:lang="fr"><seg>Va {0}.</seg></tuv></tu>\n'
    with (tmp_path / "a.tmx").open("w") as file:
        file.write('<?xml version="1.0"?><tmx><body>')
        file.writelines(unit.format(i) for i in range(50_000))
        file.write("</body></tmx>")
    assert peak_memory("build", str(tmp_path / "a.tmx"), "--out", str(tmp_path / "out")) < 200
    monkeypatch.setattr("modeling.datasets.formats.xml_stream._LONGEST_UNIT", MEGABYTE)
    (tmp_path / "b.tmx").write_text("<?xml version='1.0'?><tmx><body><tu>" + "x" * 2 * MEGABYTE)
    with pytest.raises(DataError, match="a unit of more than 1 MB"):
        read(tmp_path / "b.tmx")


def test_parquet_is_read_in_batches(tmp_path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = [f"text number {i} " + "word " * 30 for i in range(100_000)]
    pq.write_table(pa.table({"text": texts, "label": [i % 2 for i in range(100_000)]}), tmp_path / "a.parquet")
    assert peak_memory("build", str(tmp_path / "a.parquet"), "--out", str(tmp_path / "out")) < 300
    assert json.loads((tmp_path / "out" / "report.json").read_text())["rows"] == 100_000


def test_a_very_long_text_comes_in_pieces_that_end_at_blank_lines(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("modeling.datasets.formats.plain._PIECE", 1000)
    text = "\n\n".join(f"paragraph {i}\nof two lines" for i in range(300))
    (tmp_path / "a.txt").write_text(text)
    rows = read(tmp_path / "a.txt").rows
    assert len(rows) > 5
    assert "\n".join(row["text"] for row in rows) == text


def test_good_rows_behind_thousands_of_bad_ones_are_found(tmp_path) -> None:
    (tmp_path / "a.jsonl").write_text("bad\n" * 3000 + '{"text": "x", "label": "a"}\n')
    found = read(tmp_path / "a.jsonl")
    assert (found.rows, len(found.problems)) == ([{"text": "x", "label": "a"}], 3000)


def test_columns_come_from_the_first_records_only(tmp_path: Path) -> None:
    rows = [{"text": f"x {i}", "label": "a"} for i in range(2500)] + [{"text": "late", "label": "a", "extra": 1}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = read(tmp_path / "a.jsonl")
    assert found.header == ["text", "label"]
    assert len(found.rows) == 2501
