"""read(): each format, and roles that are given, named or guessed."""

import json
from pathlib import Path

import pytest

from modeling.datasets import read
from modeling.errors import DataError


def write(folder, name: str, content: str | bytes, encoding: str = "utf-8"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def test_a_csv_with_a_header_is_read_by_its_names(tmp_path) -> None:
    file = write(tmp_path, "a.csv", 'review,stars,sentiment\n"Good, really",5,pos\nBad,1,neg\n')
    found = read(file)
    assert found.task == "classification"
    assert found.rows == [{"text": "Good, really", "label": "pos"}, {"text": "Bad", "label": "neg"}]
    assert dict(found.columns) == {"text": "review", "label": "sentiment"}
    assert (found.format, found.encoding, found.problems) == ("csv", "utf-8", [])


def test_a_tsv_without_a_header_is_read_by_its_looks(tmp_path) -> None:
    lines = [f"to category\ta long title of number {i}\t{'law' if i % 3 else 'art'}" for i in range(30)]
    found = read(write(tmp_path, "a.tsv", "\n".join(lines)))
    assert len(found.rows) == 30
    assert found.rows[0] == {"text": "a long title of number 0", "label": "art"}


def test_columns_are_given_by_name_or_by_index(tmp_path) -> None:
    file = write(tmp_path, "a.csv", "text,label,kind\nx,a,b\n")
    assert read(file, columns={"label": "kind"}).rows == [{"text": "x", "label": "b"}]
    assert read(file, columns={"text": 0, "label": "2"}).rows == [{"text": "x", "label": "b"}]


def test_a_header_of_unknown_names_is_seen_by_what_stands_below(tmp_path) -> None:
    file = write(tmp_path, "a.csv", "msg,typ\n" + "\n".join(f"this is the long text {i},{i % 2}" for i in range(20)))
    found = read(file)
    assert found.header == ["msg", "typ"]
    assert len(found.rows) == 20


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
def test_the_delimiter_of_a_csv_is_found(tmp_path, delimiter: str) -> None:
    rows = ["text", "label"], ["x", "a"], ["y", "b"]
    file = write(tmp_path, "a.csv", "\n".join(delimiter.join(row) for row in rows))
    assert [row["label"] for row in read(file).rows] == ["a", "b"]


def test_quotes_in_a_tsv_are_text_unless_cells_need_them(tmp_path) -> None:
    plain = write(tmp_path, "plain.tsv", 'text\tlabel\nsay "so\ta\n"x" and\tb\n')
    assert [row["text"] for row in read(plain).rows] == ['say "so', '"x" and']
    quoted = write(tmp_path, "quoted.tsv", 'text\tlabel\n"two\nlines\there"\ta\n"two\nmore"\tb\n')
    assert [row["text"] for row in read(quoted).rows] == ["two\nlines here", "two\nmore"]


def test_jsonl_joins_a_list_of_lines(tmp_path) -> None:
    file = write(tmp_path, "a.jsonl", json.dumps({"title": "t", "paragraphs": ["one", "two"]}) + "\n")
    assert read(file, task="generation").rows == [{"text": "one\ntwo"}]


def test_a_json_list_and_an_object_that_holds_one_are_rows(tmp_path) -> None:
    rows = [{"text": "x", "label": 1}, {"text": "y", "label": True}]
    for value in (rows, {"version": "1", "rows": rows}):
        found = read(write(tmp_path, "a.json", json.dumps(value, indent=1)))
        assert found.rows == [{"text": "x", "label": "1"}, {"text": "y", "label": "True"}]


def test_jsonl_under_the_wrong_suffix_is_recognised(tmp_path) -> None:
    content = '{"text": "x", "label": "a"}\n{"text": "y", "label": "b"}\n'
    for name in ("a.json", "a.data"):
        assert len(read(write(tmp_path, name, content)).rows) == 2


def test_parquet_is_read(tmp_path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"text": ["x", "y", None], "label": [0, 1, 1]}), tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet")
    assert found.rows == [{"text": "x", "label": "0"}, {"text": "y", "label": "1"}]
    assert [(problem.line, problem.column) for problem in found.problems] == [(3, "text")]


def test_plain_text_is_one_text_as_it_stands(tmp_path) -> None:
    found = read(write(tmp_path, "a.txt", "First  line\r\n\r\nSecond\n"))
    assert (found.task, found.format) == ("generation", "text")
    assert found.rows == [{"text": "First  line\n\nSecond"}]


def test_labelled_lines_and_tabs_in_a_txt_are_rows(tmp_path) -> None:
    labelled = write(tmp_path, "a.txt", "\n".join(f"{i % 2} sentence number {i}" for i in range(20)))
    assert read(labelled, task="classification").rows[1] == {"text": "sentence number 1", "label": "1"}
    tabbed = write(tmp_path, "b.txt", "\n".join(f"sentence number {i}\t{i % 2}" for i in range(20)))
    assert read(tabbed).rows[1] == {"text": "sentence number 1", "label": "1"}


def test_languages_of_a_pair_come_from_the_file_name(tmp_path) -> None:
    row = read(write(tmp_path, "en-fr.tsv", "Go.\tVa !\nRun!\tCours !\n"), task="translation").rows[0]
    assert row == {"source": "Go.", "target": "Va !", "source_language": "en", "target_language": "fr"}


def test_turning_the_columns_turns_the_languages(tmp_path) -> None:
    file = write(tmp_path, "en-fr.tsv", "Go.\tVa !\nRun!\tCours !\n")
    found = read(file, columns={"source": 1, "target": 0})
    assert found.languages == ["fr", "en"]
    assert found.rows[0]["source"] == "Va !"


def test_a_header_can_name_the_languages(tmp_path) -> None:
    found = read(write(tmp_path, "a.tsv", "zh\ten\n你好\tHello\n"))
    assert found.task == "translation"
    assert found.rows == [{"source": "你好", "target": "Hello", "source_language": "zh", "target_language": "en"}]


def test_pairs_in_one_column_become_a_column_a_language(tmp_path) -> None:
    rows = [{"id": i, "translation": {"en": f"Go {i}.", "fr": f"Va {i} !"}} for i in range(3)]
    found = read(write(tmp_path, "a.jsonl", "\n".join(map(json.dumps, rows))))
    assert found.header == ["id", "en", "fr"]
    assert found.rows[2] == {"source": "Go 2.", "target": "Va 2 !", "source_language": "en", "target_language": "fr"}


def test_languages_are_recognised_or_said(tmp_path) -> None:
    lines = ["The cat is on the table and it is not mine\tLe chat est sur la table et il ne m'est pas connu"] * 3
    file = write(tmp_path, "a.tsv", "\n".join(lines))
    assert read(file, task="translation").languages == ["en", "fr"]
    said = read(file, columns={"source": 0, "target": 1, "source_language": "de", "target_language": "it"})
    assert said.languages == ["de", "it"]


def test_aligned_files_are_each_others_translation(tmp_path) -> None:
    files = [write(tmp_path, "train.en", "Go.\nRun!\n\nEnd.\n"), write(tmp_path, "train.fr", "Va !\nCours !\n\n\n")]
    found = read(files)
    assert (found.task, found.format, found.languages) == ("translation", "parallel", ["en", "fr"])
    assert [row["target"] for row in found.rows] == ["Va !", "Cours !"]
    assert [(p.line, p.column) for p in found.problems] == [(4, "fr")]


def test_a_tmx_is_read_with_its_languages(tmp_path) -> None:
    file = write(tmp_path, "a.tmx", """<?xml version="1.0"?><!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4"><header/><body>
<tu><tuv xml:lang="en-US"><seg>Go <bpt i="1"/>on.</seg></tuv><tuv xml:lang="fr"><seg>Continue &amp; va.</seg></tuv></tu>
<tu><tuv xml:lang="en"><seg>Only one side</seg></tuv></tu></body></tmx>""")
    found = read(file)
    assert found.rows == [{"source": "Go on.", "target": "Continue & va.", "source_language": "en",
                           "target_language": "fr"}]
    assert [(p.line, p.column) for p in found.problems] == [(2, "fr")]


def squad(*questions: dict, context: str = "The cat sat on the mat. The cat slept.") -> str:
    return json.dumps({"version": "1.1", "data": [
        {"title": "Cats", "paragraphs": [{"context": context, "qas": list(questions)}]}]})


def question(*answers: tuple[str, int], **more) -> dict:
    return {"id": "q", "question": "What?", "answers": [{"text": t, "answer_start": s} for t, s in answers]} | more


def test_squad_is_read_with_its_title(tmp_path) -> None:
    row = read(write(tmp_path, "a.json", squad(question(("mat", 19))))).rows[0]
    assert row == {"id": "q", "title": "Cats", "context": "The cat sat on the mat. The cat slept.", "question": "What?",
                   "answers": [{"text": "mat", "start": 19}]}


def test_a_wrong_offset_moves_to_the_nearest_place_and_is_reported(tmp_path) -> None:
    found = read(write(tmp_path, "a.json", squad(question(("The cat", 20), (" cat ", 3)))))
    assert found.rows[0]["answers"] == [{"text": "The cat", "start": 24}, {"text": "cat", "start": 4}]
    assert [(p.severity, p.line) for p in found.problems] == [("warning", 1)]
    assert "24 and not 20" in str(found.problems[0])


def test_an_answer_that_is_not_there_is_dropped_and_the_row_with_its_last_one(tmp_path) -> None:
    found = read(write(tmp_path, "a.json", squad(question(("dog", 4), ("mat", 19)), question(("dog", 4)))))
    assert [row["answers"] for row in found.rows] == [[{"text": "mat", "start": 19}]]
    assert [p.severity for p in found.problems] == ["warning", "error"]


def test_squad_2_has_questions_without_an_answer(tmp_path) -> None:
    impossible = question(is_impossible=True, plausible_answers=[{"text": "mat", "answer_start": 19}])
    found = read(write(tmp_path, "a.json", squad(impossible)))
    assert found.rows[0]["answers"] == []
    assert not found.problems


def test_answers_in_the_form_of_hugging_face_are_read(tmp_path) -> None:
    row = {"id": "1", "context": "A cat.", "question": "What?", "answers": {"text": ["cat"], "answer_start": [2]}}
    found = read(write(tmp_path, "a.jsonl", json.dumps(row)))
    assert found.task == "question-answering"
    assert found.rows[0]["answers"] == [{"text": "cat", "start": 2}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"])
def test_every_encoding_gives_the_same_rows(tmp_path, encoding: str) -> None:
    text = "text,label\n" + "今天天气很好,good\n这件事不行,bad\n" + "a plain line of text,good\n" * 20
    found = read(write(tmp_path, "a.csv", text, encoding))
    assert found.rows[0] == {"text": "今天天气很好", "label": "good"}
    assert found.encoding == encoding
    assert found.header == ["text", "label"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "gb18030"])
def test_chinese_alone_is_recognised_without_a_mark(tmp_path, encoding: str) -> None:
    found = read(write(tmp_path, "a.txt", "今天天气很好，我们去公园。\n明天呢？\n", encoding))
    assert found.rows == [{"text": "今天天气很好，我们去公园。\n明天呢？"}]


def test_several_files_are_one_data_set(tmp_path) -> None:
    for name in ("a.csv", "b.csv"):
        write(tmp_path, name, "text,label\nx,a\n,b\n")
    found = read(tmp_path)
    assert len(found.rows) == 2
    assert [(p.file, p.line) for p in found.problems] == [("a.csv", 3), ("b.csv", 3)]


def test_public_sets_are_read_whole(public_data) -> None:
    for path, rows, problems in (("sms_spam/sms.tsv", 4516, 0), ("csl/title_category.train.tsv", 8000, 0),
                                 ("squad/dev-v1.1.json", 10570, 0), ("cmrc2018/dev.json", 3219, 200),
                                 ("drcd/dev.json", 3524, 0), ("chinese_poetry/ci_song.jsonl", 21050, 0)):
        found = read(public_data / path)
        assert (path, len(found.rows), len(found.problems)) == (path, rows, problems)


def test_unknown_tasks_formats_and_columns_are_named(tmp_path) -> None:
    file = write(tmp_path, "a.csv", "text,label\nx,a\n")
    with pytest.raises(DataError, match="Tasks are question-answering"):
        read(file, task="singing")
    with pytest.raises(DataError, match="Formats are csv"):
        read(file, format="docx")
    with pytest.raises(DataError, match="there is no column 'body' for text. Columns are text, label"):
        read(file, columns={"text": "body"})
    with pytest.raises(DataError, match="sound is no role of classification"):
        read(file, task="classification", columns={"sound": "text"})
    with pytest.raises(DataError, match="no column was found for these roles: target"):
        read(write(tmp_path, "b.csv", "source\nx\ny\n"), task="translation")


def test_two_files_with_languages_in_their_names_are_aligned(tmp_path) -> None:
    for names in (("a.en", "b.fr"), ("en.txt", "fr.txt"), ("x.en.txt", "x.fr.txt")):
        found = read([write(tmp_path, names[0], "Go.\n"), write(tmp_path, names[1], "Va !\n")])
        assert (found.format, found.languages) == ("parallel", ["en", "fr"])


def test_tables_named_by_languages_are_tables(tmp_path) -> None:
    files = [write(tmp_path, name, "text,label\nx,a\n") for name in ("en.csv", "fr.csv")]
    assert (read(files).task, len(read(files).rows)) == ("classification", 2)


def test_a_table_of_endless_width_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match=r"there are 2,000 columns. At most 1,000"):
        read(write(tmp_path, "a.csv", ",".join(f"c{i}" for i in range(2000)) + "\n" + ",".join("1" * 2000) + "\n"))


INSTRUCTIONS = {
    "a.json": '[{"instruction": "Name one", "input": "a colour", "output": "red"}]',
    "b.csv": "prompt,response\nName one,red\n",
    "c.jsonl": '{"messages": [{"role": "user", "content": "Name one"}, {"role": "assistant", "content": "red"}]}\n',
    "d.jsonl": '{"conversations": [{"from": "human", "value": "Name one"}, {"from": "gpt", "value": "red"}]}\n',
}


@pytest.mark.parametrize("name", INSTRUCTIONS)
def test_instructions_and_conversations_become_messages(name, tmp_path) -> None:
    (tmp_path / name).write_text(INSTRUCTIONS[name])
    [row] = read([tmp_path / name], task="generation").rows
    asked = "Name one\n\na colour" if name == "a.json" else "Name one"
    assert row["messages"] == [{"role": "user", "content": asked}, {"role": "assistant", "content": "red"}]
    assert row["text"] == f"{asked}\n\nred"


def test_a_conversation_without_an_answer_is_a_problem(tmp_path) -> None:
    asked = '{"messages": [{"role": "user", "content": "Name one"}]}\n'
    (tmp_path / "a.jsonl").write_text(asked + INSTRUCTIONS["c.jsonl"])
    found = read([tmp_path / "a.jsonl"], task="generation")
    assert len(found.rows) == 1 and "ends with an assistant's" in found.problems[0].message


def test_questions_with_answers_and_no_passages_are_a_list_of_questions(tmp_path: Path) -> None:
    (tmp_path / "faq.csv").write_text("question,answer\nWhen do you open?,At nine.\nWhere are you?,In Bern.\n")
    with pytest.raises(DataError, match="FAQ.*needs no training"):
        read(tmp_path / "faq.csv")
