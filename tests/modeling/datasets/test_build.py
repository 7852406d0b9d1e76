"""build(): files to rows in splits with a report, whole or not at all."""

import csv
import errno
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from modeling.datasets import BuildOptions, build, read, read_rows, sample_files
from modeling.errors import ConfigError, DataError
from modeling.tasks import TASKS

SPLITS = ("train", "validation", "test")
WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


def write_csv(path: Path, rows: list[tuple[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


def messages(count: int) -> list[tuple[str, str]]:
    return [(f"message {WORDS[i % 10]} number {i}", "ab"[i % 2]) for i in range(count)]


def rows_in(folder: Path) -> dict[str, list[dict]]:
    return {name: list(read_rows(folder / f"{name}.jsonl")) for name in SPLITS}


def test_a_folder_with_splits_problems_and_the_report_comes_out(tmp_path) -> None:
    file = write_csv(tmp_path / "a.csv", [*messages(100), ("", "a")])
    report = build(file, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "problems.jsonl", "report.json", "test.jsonl", "train.jsonl", "validation.jsonl"]
    assert report == json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["splits"] == {"train": 80, "validation": 10, "test": 10}
    assert {name: len(rows) for name, rows in rows_in(tmp_path / "out").items()} == report["splits"]
    problem = {"line": 102, "column": "text", "message": "the text is empty", "severity": "error", "file": "a.csv"}
    assert [json.loads(line) for line in (tmp_path / "out" / "problems.jsonl").open()] == [problem]
    assert report["problems"] == [problem]
    assert (report["seen"], report["rows"], report["errors"], report["done"]) == (101, 100, 1, True)


def test_the_same_seed_gives_the_same_splits_and_another_one_others(tmp_path) -> None:
    file = write_csv(tmp_path / "a.csv", messages(100))
    for name, seed in (("one", 1), ("again", 1), ("two", 2)):
        build(file, tmp_path / name, options=BuildOptions(seed=seed))
    one, again, two = (rows_in(tmp_path / name) for name in ("one", "again", "two"))
    assert one == again
    assert one != two


def test_rows_are_those_of_read(tmp_path) -> None:
    file = write_csv(tmp_path / "a.csv", [("Good\u00a0 day\r\nto you", "a"), ("é", "b"), ('say "x"', "a")] * 2)
    build(file, tmp_path / "out", options=BuildOptions(drop_duplicates=False))
    built = [row for rows in rows_in(tmp_path / "out").values() for row in rows]
    assert sorted(map(str, built)) == sorted(map(str, read(file).rows))


def test_of_equal_rows_the_first_is_kept_and_the_rest_counted(tmp_path) -> None:
    file = write_csv(tmp_path / "a.csv", [*messages(50), ("Message  ONE number 0", "a"), *messages(10)])
    report = build(file, tmp_path / "out")
    assert report["duplicates"]["rows"] == 11
    assert "Message ONE number 0" in report["duplicates"]["examples"]
    assert sum(report["splits"].values()) == 50
    kept = build(file, tmp_path / "kept", options=BuildOptions(drop_duplicates=False))
    assert sum(kept["splits"].values()) == 61
    texts = [{row["text"].casefold() for row in rows} for rows in rows_in(tmp_path / "kept").values()]
    assert not texts[0] & texts[1] | texts[0] & texts[2]


def test_one_text_with_two_labels_is_a_conflict(tmp_path) -> None:
    file = write_csv(tmp_path / "a.csv", [*messages(50), ("message one number 0", "b"), ("message one number 0", "b")])
    report = build(file, tmp_path / "out")
    assert (report["conflicts"]["inputs"], report["conflicts"]["rows"]) == (1, 3)
    assert report["conflicts"]["examples"] == [{"text": "message one number 0", "labels": ["a", "b"]}]


def test_several_translations_of_one_text_are_no_conflict_and_stay_together(tmp_path) -> None:
    file = tmp_path / "en-fr.tsv"
    file.write_text("".join(f"word {i // 2}\tmot {i}\n" for i in range(200)))
    report = build(file, tmp_path / "out", task="translation")
    assert report["conflicts"]["rows"] == 0
    sources = [{row["source"] for row in rows} for rows in rows_in(tmp_path / "out").values()]
    assert not sources[0] & sources[1] | sources[0] & sources[2] | sources[1] & sources[2]
    assert report["languages"] == [{"code": "en", "share": 0.5}, {"code": "fr", "share": 0.5}]


def test_files_named_as_splits_are_these_and_their_leaks_are_told(tmp_path) -> None:
    train = write_csv(tmp_path / "my_train.csv", messages(100))
    test = write_csv(tmp_path / "my-test.csv", [("Message one number 0", "a"), ("something else", "b")])
    report = build([train, test], tmp_path / "out")
    assert report["given_splits"] == ["test", "train"]
    assert report["splits"] == {"train": 90, "validation": 10, "test": 2}
    assert report["leakage"] in ({"rows": 1, "examples": ["Message one number 0"]}, {"rows": 0, "examples": []})
    dev = write_csv(tmp_path / "dev.csv", [("message three number 2", "a")])
    report = build([train, dev, test], tmp_path / "all")
    assert report["splits"] == {"train": 100, "validation": 1, "test": 2}
    assert report["leakage"]["rows"] == 2


def test_aligned_files_can_be_named_as_splits_too(tmp_path) -> None:
    for name, count in (("train", 40), ("val", 4), ("test", 3)):
        for code in ("en", "fr"):
            (tmp_path / f"{name}.{code}").write_text("".join(f"{name} {code} {i}\n" for i in range(count)))
    report = build(sorted(tmp_path.glob("*.*")), tmp_path / "out")
    assert (report["task"], report["format"]) == ("translation", "parallel")
    assert report["splits"] == {"train": 40, "validation": 4, "test": 3}


def test_an_addition_trains_and_takes_the_place_of_what_it_corrects(tmp_path) -> None:
    file = write_csv(tmp_path / "a.csv", messages(100))
    extra = tmp_path / "extra.jsonl"
    extra.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in (
        *((text, "corrected") for text, _ in messages(60)), ("new", "b"), ("new", "a"))))
    report = build(file, tmp_path / "out", additions=extra)
    rows = rows_in(tmp_path / "out")
    assert report["additions"] == {"rows": 62, "replaced": 60}
    assert sum(row["label"] == "corrected" for row in rows["train"]) == 60
    assert [row["label"] for row in rows["train"] if row["text"] == "new"] == ["a"]
    texts = [row["text"] for part in rows.values() for row in part]
    assert len(texts) == len(set(texts)) == 101


def test_translations_that_an_addition_shares_a_side_with_train(tmp_path) -> None:
    file = tmp_path / "en-fr.tsv"
    file.write_text("".join(f"word {i}\tmot {i}\n" for i in range(100)))
    extra = tmp_path / "extra.jsonl"
    extra.write_text("".join(json.dumps({
        "source": f"word {i}", "target": f"autre {i}", "source_language": "en", "target_language": "fr"}) + "\n"
        for i in range(50)))
    report = build(file, tmp_path / "out", task="translation", additions=extra)
    rows = rows_in(tmp_path / "out")
    assert report["rows"] == 150
    trained = {row["source"] for row in rows["train"]}
    assert not trained & {row["source"] for row in rows["validation"] + rows["test"]}
    assert {f"word {i}" for i in range(50)} <= trained


def test_one_long_text_is_cut_into_the_splits(tmp_path) -> None:
    (tmp_path / "a.txt").write_text("".join(f"line {i}\n" for i in range(1000)))
    report = build(tmp_path / "a.txt", tmp_path / "out")
    rows = rows_in(tmp_path / "out")
    assert report["splits"] == {"train": 1, "validation": 1, "test": 1}
    assert "".join(part[0]["text"] for part in rows.values()) + "\n" == (tmp_path / "a.txt").read_text()


def test_the_report_grows_and_progress_is_told(tmp_path, monkeypatch) -> None:
    events: list[dict] = []
    clock = iter(range(10**6))
    monkeypatch.setattr("modeling.datasets.building.time.monotonic", lambda: float(next(clock)))
    build(write_csv(tmp_path / "a.csv", messages(10_000)), tmp_path / "out", on_event=events.append)
    reports = [event["report"] for event in events if event.get("event") == "report"]
    assert [report["done"] for report in reports[-2:]] == [False, True]
    assert reports[0]["rows"] < reports[-1]["rows"] == 10_000
    assert reports[0]["splits"] is None and reports[0]["preview"]
    done = [event["progress"] for event in events if "progress" in event]
    assert done == sorted(done) and all(0 < share <= 1 for share in done)


def test_the_report_tells_columns_lengths_labels_and_cuts(tmp_path) -> None:
    rows = [*messages(300), ("long " * 2000, "c")]
    report = build(write_csv(tmp_path / "a.csv", rows), tmp_path / "out")
    assert [(column["name"], column["role"], column["filled"]) for column in report["columns"]] == [
        ("text", "text", 1.0), ("label", "label", 1.0)]
    length = report["lengths"][0]
    assert (length["role"], length["max"]) == ("text", 9999)
    assert sum(bar["rows"] for bar in length["histogram"]) == 301
    assert report["labels"] == [{"label": "a", "rows": 150}, {"label": "b", "rows": 150}, {"label": "c", "rows": 1}]
    assert report["cuts"] == [{"model": "lstm", "limit": 256, "unit": "tokens", "rows": 1}]
    assert len(report["preview"]) == 8
    assert report["preview"][0]["tokens"][0] == "message"


def test_the_report_tells_how_many_rows_have_a_summary(tmp_path) -> None:
    for name, more in (("with", {"summary": "A text."}), ("without", {})):
        rows = [{"text": f"Text number {n}."} | more for n in range(30)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        report = build(tmp_path / f"{name}.jsonl", tmp_path / name, task="summarisation")
        assert report["summaries"] == (30 if more else 0)


@pytest.mark.parametrize("task", TASKS)
def test_each_sample_is_clean_and_fills_its_splits(tmp_path, task: str) -> None:
    for name, content in sample_files(task):
        (tmp_path / name).write_bytes(content)
    report = build(tmp_path, tmp_path / "out")
    assert report["task"] == task
    assert (report["errors"], report["warnings"], report["duplicates"]["rows"], report["conflicts"]["rows"]) == (0,) * 4
    assert all(report["splits"].values())
    assert {"en", "zh"} <= {language["code"] for language in report["languages"]}
    assert all(shown["tokens"] for shown in report["preview"])


def test_there_is_no_sample_for_what_is_no_task() -> None:
    with pytest.raises(DataError, match="Samples are there for"):
        sample_files("singing")


def test_a_failure_leaves_nothing_behind(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("text,label\nx\ny\n")
    with pytest.raises(DataError, match="none of the 2 rows"):
        build(tmp_path / "a.csv", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_a_folder_that_is_there_is_not_written_over(tmp_path) -> None:
    file = write_csv(tmp_path / "a.csv", messages(20))
    (tmp_path / "out").mkdir()
    build(file, tmp_path / "out")
    with pytest.raises(DataError, match="out is there already"):
        build(file, tmp_path / "out")


def test_what_a_killed_build_left_is_cleared_away(tmp_path) -> None:
    file = write_csv(tmp_path / "a.csv", messages(20))
    (tmp_path / ".out.building" / "work").mkdir(parents=True)
    (tmp_path / ".out.building" / "work" / "rows.jsonl").write_text("half a r")
    build(file, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "out"]


def test_a_full_disk_is_said(tmp_path, monkeypatch) -> None:
    def full(*arguments: object, **more: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("modeling.datasets.building.collect", full)
    with pytest.raises(DataError, match="the disk is full.*twice the room"):
        build(write_csv(tmp_path / "a.csv", messages(20)), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_options_are_checked() -> None:
    with pytest.raises(ConfigError) as caught:
        BuildOptions(test=1.5)
    assert caught.value.field == "test"
    with pytest.raises(ConfigError, match="below 1"):
        BuildOptions(validation=0.6, test=0.5)


def test_a_label_column_that_holds_no_labels_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("modeling.datasets.report.MOST_LABELS", 20)
    file = write_csv(tmp_path / "a.csv", [(f"text {i}", f"label {i}") for i in range(30)])
    with pytest.raises(DataError, match="more than 20 different values"):
        build(file, tmp_path / "out")


def test_a_pair_of_unknown_languages_asks_for_them_and_one_is_let_through(tmp_path) -> None:
    file = tmp_path / "a.tsv"
    file.write_text("xx yy\tzz ww\n" * 3)
    with pytest.raises(DataError, match="source_language and target_language"):
        build(file, tmp_path / "out", task="translation")
    report = build(file, tmp_path / "out", task="translation",
                   columns={"source": 0, "target": 1, "source_language": "nl"})
    assert [language["code"] for language in report["languages"]] == ["nl", "und"]


def test_sigterm_in_the_middle_leaves_no_half_folder(tmp_path) -> None:
    file = write_csv(tmp_path / "a.csv", messages(400_000))
    child = subprocess.Popen([sys.executable, "-m", "modeling", "build", str(file), "--out", str(tmp_path / "out")],
                             stdout=subprocess.PIPE)
    while not list(tmp_path.glob(".out.building/work/rows.jsonl")):
        assert child.poll() is None
        time.sleep(0.02)
    child.terminate()
    child.communicate(timeout=20)
    assert child.returncode == 143
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
