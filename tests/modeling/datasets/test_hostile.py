"""What people upload by mistake or on purpose: a clear message or a Problem, never a traceback."""

import io
import json
import pickle
import random
import struct
import zipfile
import zlib

import pytest

from modeling.datasets import read
from modeling.datasets.formats import SUFFIXES
from modeling.errors import DataError
from modeling.tasks import TASKS

OTHERWISE = {".parquet": "is no Parquet file", ".xlsx": "is no Excel workbook", ".xlsm": "is no Excel workbook"}


def refused(path, **options) -> str:
    with pytest.raises(DataError) as caught:
        read(path, **options)
    assert path.name in str(caught.value) or options
    return str(caught.value)


def png() -> bytes:
    raw = zlib.compress(b"\0\xff\0\0")
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(raw)) + b"IDAT" + raw


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("text.csv", "text,label\nx,a\n")
    return buffer.getvalue()


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf", b"\xff\xfe", " \n".encode("utf-16")])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_empty_file_is_refused_with_a_remedy(tmp_path, content: bytes, suffix: str) -> None:
    (tmp_path / f"a{suffix}").write_bytes(content)
    message = refused(tmp_path / f"a{suffix}")
    assert "is empty" in message or OTHERWISE.get(suffix, "is empty") in message


@pytest.mark.parametrize(("content", "kind"), [
    (png(), "a PNG picture"), (archive(), "a ZIP archive"), (b"%PDF-1.4\n...", "a PDF"), (b"\x1f\x8b\x08\0", "gzip"),
    (pickle.dumps({"text": "x"}), "a pickle"), (bytes(range(256)) * 20, "binary"), (b"SQLite format 3\0", "SQLite"),
])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_binary_file_is_named_for_what_it_is_under_any_suffix(tmp_path, content: bytes, kind: str, suffix) -> None:
    (tmp_path / f"a{suffix}").write_bytes(content)
    message = refused(tmp_path / f"a{suffix}")
    alternatives = [OTHERWISE.get(suffix, kind)]
    if suffix.startswith(".xls") and kind == "a ZIP archive":  # so is a workbook
        alternatives.append("workbook cannot be read")
    assert kind in message or any(words in message for words in alternatives)


def test_a_pickle_is_refused_by_its_suffix_too_and_the_formats_are_named(tmp_path) -> None:
    (tmp_path / "a.pkl").write_bytes(pickle.dumps([1], protocol=0))
    message = refused(tmp_path / "a.pkl")
    assert "can run any code" in message
    assert "CSV, TSV, JSONL, JSON, Parquet" in message


def test_ragged_rows_are_left_out_with_their_line_numbers(tmp_path) -> None:
    (tmp_path / "a.csv").write_text('text,label\nx,a\ny\n"two\nlines",b\nz,b,c\n\n,a\nw,b\n')
    found = read(tmp_path / "a.csv")
    assert [row["text"] for row in found.rows] == ["x", "two\nlines", "w"]
    assert [(p.line, p.column) for p in found.problems] == [(3, None), (6, None), (8, "text")]
    assert str(found.problems[0]) == "a.csv, line 3: 1 columns where the header has 2"


def test_a_file_without_a_usable_row_names_the_first_problem(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("text,label\nx\ny\n")
    assert "none of the 2 rows can be used. The first problem is: line 2" in refused(tmp_path / "a.csv")


def test_a_quote_that_is_never_closed_is_pointed_at(tmp_path) -> None:
    (tmp_path / "a.csv").write_text('text,label\nx,a\n"open,b\ny,a\nz,b\n')
    found = read(tmp_path / "a.csv")
    assert len(found.rows) == 1
    assert "line 3" in str(found.problems[0])
    assert "a quote may be left open" in str(found.problems[0])


def test_bad_lines_of_jsonl_are_left_out(tmp_path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "x", "label": "a"}\n{"text": \n[1]\n{"text": "y", "label": "b"}\n'
                                      + '{"text": ' + "[" * 100_000 + "\n" + '{"label": "c"}\n')
    found = read(tmp_path / "a.jsonl")
    assert len(found.rows) == 2
    assert [p.line for p in found.problems] == [2, 3, 5, 6]


@pytest.mark.parametrize("content", ['{"data": [{"paragraphs": 5}]}', '{"data": [{"paragraphs": [{"qas": [{}]}]}]}',
                                     "[1, 2", '"text"', "[[1], [2]]", "[" * 100_000, "1" * 10_000, "[]", "{}", "null",
                                     '[{"a": 1}, "b"]', '{"data": [{"paragraphs": []}]}'])
def test_json_of_another_shape_is_refused(tmp_path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    refused(tmp_path / "a.json", task="question-answering")


def test_half_characters_in_json_are_marked(tmp_path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "x\\ud800", "label": "\\ud83d\\ude00", "\\udfff": 1}\n{"text": "y"}\n')
    found = read(tmp_path / "a.jsonl", task="classification")
    assert found.rows == [{"text": "x\ufffd", "label": "😀"}]
    assert found.header == ["text", "label", "\ufffd"]


def test_answers_of_odd_types_do_no_harm(tmp_path) -> None:
    odd = [{"text": None}, {"text": "cat", "answer_start": "4"}, {"text": "cat", "answer_start": -5}, 7, None,
           {"text": "cat", "answer_start": 10**30}]
    value = {"data": [{"paragraphs": [{"context": "The cat.", "qas": [{"question": "Q?", "answers": odd}]}]}]}
    (tmp_path / "a.json").write_text(json.dumps(value))
    assert {a["start"] for a in read(tmp_path / "a.json").rows[0]["answers"]} == {4}


def test_aligned_files_of_unequal_length_are_refused_with_both_counts(tmp_path) -> None:
    (tmp_path / "a.en").write_text("one\ntwo\nthree\n")
    (tmp_path / "a.fr").write_text("un\ndeux\n")
    with pytest.raises(DataError, match=r"a\.en has 3 lines and a\.fr has 2"):
        read([tmp_path / "a.en", tmp_path / "a.fr"])


@pytest.mark.parametrize("declaration", [
    '<!DOCTYPE tmx [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>',
    '<!DOCTYPE tmx [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
])
def test_a_tmx_with_entities_is_refused(tmp_path, declaration: str) -> None:
    (tmp_path / "a.tmx").write_text(f'<?xml version="1.0"?>{declaration}<tmx><body><tu><tuv xml:lang="en">'
                                    '<seg>&a;</seg></tuv></tu></body></tmx>')
    assert "entities" in refused(tmp_path / "a.tmx")


@pytest.mark.parametrize("content", ["<?xml version='1.0'?><tmx><body><tu>", "<?xml version='1.0'?><html/>",
                                     "<?xml version='1.0' encoding='klingon'?><tmx/>", "<tmx><body/></tmx>"])
def test_a_broken_or_empty_tmx_is_refused(tmp_path, content: str) -> None:
    (tmp_path / "a.tmx").write_text(content)
    refused(tmp_path / "a.tmx")


def test_a_damaged_parquet_is_refused(tmp_path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + b"\0" * 100 + b"PAR1")
    assert "Parquet file cannot be read" in refused(tmp_path / "a.parquet")


def test_text_in_another_encoding_is_refused_with_its_line(tmp_path) -> None:
    (tmp_path / "a.csv").write_bytes("text,label\nune phrase,a\nl'été à la forêt,b\n".encode("latin-1") * 3)
    message = refused(tmp_path / "a.csv")
    assert "line 3" in message
    assert "Save the file as UTF-8" in message


def test_a_missing_file_an_empty_folder_and_no_name_are_said(tmp_path) -> None:
    for path, message in ((tmp_path / "x.csv", "there is no file x.csv"), (tmp_path, "no data file"),
                          ([], "no data file")):
        with pytest.raises(DataError, match=message):
            read(path)


def test_noise_is_never_a_traceback(tmp_path) -> None:
    generator = random.Random(3)
    good = b'text,label\n"x, y",a\nz,b\n{"text": "x"}\n\xe4\xbd\xa0\t\xff\xfe<?xml PAR1'
    for number in range(400):
        content = bytes(generator.choice(good) for _ in range(generator.randrange(1, 200)))
        path = tmp_path / f"a{number}{generator.choice(list(SUFFIXES))}"
        path.write_bytes(content)
        try:
            read(path, task=generator.choice([None, *TASKS]))
        except DataError as error:
            assert path.name in str(error)
