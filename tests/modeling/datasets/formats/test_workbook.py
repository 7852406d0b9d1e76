"""Excel workbooks: what people see in the cells is what is read; what could harm is refused."""

from __future__ import annotations

import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from openpyxl import Workbook

from modeling.datasets import build, read
from modeling.datasets.questions import questions_of
from modeling.errors import DataError

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
Change = dict[str, str | bytes | Callable[[str], str]]


def saved(path: Path, rows: list[list[object]], merge: str = "", **others: list[list[object]]) -> Path:
    """A workbook with these rows, and other sheets behind or, called `first`, before them."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Tickets"
    for row in rows:
        sheet.append(row)
    if merge:
        sheet.merge_cells(merge)
    for name, more in others.items():
        other = book.create_sheet(name, 0 if name == "first" else None)
        for row in more:
            other.append(row)
    book.save(path)
    return path


def changed(path: Path, parts: Change) -> Path:
    """The same archive with some parts replaced or added."""
    with zipfile.ZipFile(path) as archive:
        content: dict[str, str | bytes] = {name: archive.read(name).decode() for name in archive.namelist()}
    for name, part in parts.items():
        content[name] = part(str(content[name])) if callable(part) else part
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in content.items():
            archive.writestr(name, text)
    return path


def shared(path: Path, strings: str, cells: str) -> Path:
    """A workbook as Excel writes it, with texts that cells name by a number."""
    return changed(saved(path, [["x"]]), {
        "[Content_Types].xml": lambda text: text.replace("</Types>", (
            '<Override PartName="/xl/sharedStrings.xml" ContentType="application/vnd.openxmlformats-officedocument.'
            'spreadsheetml.sharedStrings+xml"/></Types>')) if "sharedStrings" not in text else text,
        "xl/sharedStrings.xml": f"<sst {MAIN}>{strings}</sst>",
        "xl/worksheets/sheet1.xml": f"<worksheet {MAIN}><sheetData>{cells}</sheetData></worksheet>"})


def test_cells_are_read_as_people_see_them(tmp_path: Path) -> None:
    values = [3.0, 0.1 + 0.2, True, date(2024, 2, 29), datetime(2024, 2, 29, 8, 30), time(8, 30), timedelta(hours=30),
              "  说明 ", None, 10**14]
    path = saved(tmp_path / "a.xlsx", [["text", *range(9)], values])
    found = read(path, task="generation", columns={"text": 0})
    assert found.format == "xlsx" and found.rows == [{"text": "3"}]
    seen = [read(path, task="generation", columns={"text": place}).rows for place in (1, 2, 3, 4, 5, 6, 9)]
    assert [rows[0]["text"] for rows in seen] == [
        "0.3", "TRUE", "2024-02-29", "2024-02-29 08:30:00", "08:30:00", "1 day, 6:00:00", "100000000000000"]


def test_a_header_is_recognised_as_in_csv_and_empty_rows_are_none(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.xlsx", [["Text", "Label", None], ["x", "a"], [None], ["y", "b", "by the way"]])
    found = read(path)
    assert found.rows == [{"text": "x", "label": "a"}, {"text": "y", "label": "b"}]
    assert found.header == ["Text", "Label", "2"] and not found.problems


def test_the_first_shown_sheet_with_rows_is_read_and_the_others_are_named(tmp_path: Path) -> None:
    found = read(saved(tmp_path / "a.xlsx", [["text", "label"], ["x", "a"]], first=[], Notes=[["text"], ["no"]]))
    assert [row["text"] for row in found.rows] == ["x"]
    assert [(p.severity, p.message) for p in found.problems] == [
        ("warning", "only one sheet of the workbook was read: 'Tickets', not 'first', 'Notes'")]


def test_a_cell_that_is_merged_over_rows_counts_for_each_of_them(tmp_path: Path) -> None:
    rows = [["text", "label"], ["x", "a"], ["y", None], ["z", None], ["w", "b"]]
    found = read(saved(tmp_path / "a.xlsx", rows, merge="B2:B4"))
    assert [row["label"] for row in found.rows] == ["a", "a", "a", "b"]


def test_formulas_count_as_they_were_last_computed(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.xlsx", [["text", "label", "n"], ["x", "a", "=1+1"], ["y", "b", "=1+1"], ["=A2", "b", 1],
                                       ["z", "#N/A", 1]])
    changed(path, {"xl/worksheets/sheet1.xml": lambda text: text.replace("<f>A2</f><v />", "<f>A2</f><v>x</v>")
                   .replace("<f>A2</f><v></v>", "<f>A2</f><v>x</v>").replace('r="A4"', 'r="A4" t="str"')})
    found = read(path)
    assert [row["text"] for row in found.rows] == ["x", "y", "x"]
    assert [(p.line, p.column, p.message) for p in found.problems] == [(5, "label", "the cell shows an error: #N/A")]
    missing = read(path, task="generation", columns={"text": "n"})
    assert [(p.line, p.column) for p in missing.problems] == [(2, "n"), (3, "n")]
    assert "no stored value" in missing.problems[0].message


def test_shared_texts_are_read_without_their_looks_and_pronunciation(tmp_path: Path) -> None:
    strings = ("<si><t>text</t></si><si><t>label</t></si><si><r><t>bold</t></r><r><t xml:space='preserve'> move"
               "</t></r><rPh sb='0' eb='1'><t>no</t></rPh></si><si><t>a_x000D_b</t></si>")
    cell = '<c t="s"><v>{}</v></c>'
    rows = "".join(f"<row>{cell.format(one)}{cell.format(two)}</row>" for one, two in ((0, 1), (2, 3), (9, 3)))
    found = read(shared(tmp_path / "a.xlsx", strings, rows))
    assert found.rows == [{"text": "bold move", "label": "a\nb"}]
    assert [(p.line, p.column, p.message) for p in found.problems] == [(3, "text", "the cell cannot be read")]


def test_it_builds_like_any_other_file(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.xlsx", [["text", "label"], *([f"ticket {n}", "ab"[n % 2]] for n in range(60))])
    report = build(path, tmp_path / "out")
    assert report["done"] and report["rows"] == 60 and report["format"] == "xlsx"


def test_a_list_of_questions_can_be_a_workbook(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.xlsx", [["问题", "回答"], ["营业时间？", "九点到五点"], ["电话？", 12345]])
    assert questions_of(path) == [("营业时间？", "九点到五点"), ("电话？", "12345")]


def refused(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read(path)
    assert path.name in str(caught.value)
    return str(caught.value)


def test_what_only_pretends_is_refused_with_what_to_do(tmp_path: Path) -> None:
    pretending = {"a.xlsx": b"text,label\nx,a\n", "b.xlsx": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
                  "c.xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "d.xlsx": b"PK\x03\x04" + bytes(100)}
    for name, content in pretending.items():
        (tmp_path / name).write_bytes(content)
    with zipfile.ZipFile(tmp_path / "e.xlsx", "w") as archive:
        archive.writestr("text.csv", "text,label\nx,a\n")
    said = [refused(tmp_path / name) for name in (*pretending, "e.xlsx")]
    assert "no Excel workbook" in said[0]
    assert all("save it as .xlsx without a password" in message for message in said[1:3])
    assert all("Save it again as .xlsx, or as CSV" in message for message in said[3:])


@pytest.mark.parametrize("keep", [0.3, 0.9, 0.99])
def test_one_that_was_cut_off_is_refused(tmp_path: Path, keep: float) -> None:
    path = saved(tmp_path / "a.xlsx", [["text", "label"], ["x", "a"]])
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    assert "cut off" in refused(path)


def test_one_without_rows_is_refused(tmp_path: Path) -> None:
    assert "no rows" in refused(saved(tmp_path / "a.xlsx", [], Notes=[]))


BOMB = '<!DOCTYPE x [<!ENTITY a "haha"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(("parts", "said"), [
    ({"xl/worksheets/sheet1.xml": f"{BOMB}<worksheet {MAIN}><sheetData><row><c><v>&b;</v></c></row></sheetData>"
      "</worksheet>"}, "entities of its own"),
    ({"xl/workbook.xml": lambda text: BOMB + text.replace("Tickets", "&b;")}, "entities of its own"),
    ({"xl/worksheets/sheet1.xml": f"<worksheet {MAIN}><sheetData><row><c>" + " " * 17 * 1024**2}, "more than 16 MB"),
    ({"xl/styles.xml": "<styleSheet>" + "<xf/>" * 210_000 + "</styleSheet>"}, "more than 200,000 tags"),
    ({"xl/styles.xml": b" " * 9 * 1024**2}, "unpacks to too much"),
    ({"xl/worksheets/sheet1.xml": f"<worksheet {MAIN}><sheetData><row"}, "no well-formed XML"),
    ({"xl/workbook.xml": "<html/>"}, "workbook"),
])
def test_what_would_blow_up_and_what_is_broken_is_refused(tmp_path: Path, parts: Change, said: str) -> None:
    assert said in refused(changed(saved(tmp_path / "a.xlsx", [["text", "label"], ["x", "a"]]), parts))


def test_a_sheet_that_unpacks_to_more_than_is_allowed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                                 ) -> None:
    monkeypatch.setattr("modeling.datasets.formats.package.MOST_STREAMED", 400)
    assert "unpacks to too much: xl/" in refused(saved(tmp_path / "a.xlsx", [["text", "label"], ["x", "a"]]))


def test_one_text_in_all_cells_of_a_row_does_not_fill_the_memory(tmp_path: Path) -> None:
    cells = '<c t="s"><v>0</v></c>' * 300
    good = '<c t="inlineStr"><is><t>x</t></is></c>'
    found = read(shared(tmp_path / "a.xlsx", f"<si><t>{'y' * 20_000}</t></si>", f"<row>{cells}</row><row>{good}</row>"),
                 task="generation")
    assert [(p.line, p.message) for p in found.problems] == [(1, "the row is longer than 4,194,304 characters")]


def test_a_row_far_below_costs_nothing(tmp_path: Path) -> None:
    path = changed(saved(tmp_path / "a.xlsx", [["text", "label"], ["x", "a"]]), {
        "xl/worksheets/sheet1.xml": lambda text: text.replace('<row r="2"', '<row r="999999999"')})
    assert len(read(path).rows) == 1


def test_a_part_that_is_larger_than_it_says_is_not_unpacked(tmp_path: Path) -> None:
    path = changed(saved(tmp_path / "a.xlsx", [["text"], ["x"]]), {"[Content_Types].xml": b" " * 60 * 1024**2})
    data = bytearray(path.read_bytes())
    entry = data.rfind(b"PK\1\2", 0, data.rfind(b"[Content_Types].xml"))
    data[entry + 24 : entry + 28] = (100).to_bytes(4, "little")
    path.write_bytes(data)
    tracemalloc.start()
    refused(path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 20 * 1024**2


def test_a_list_of_parts_of_the_long_kind_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.xlsx", [["text"], ["x"]])
    data = path.read_bytes()
    end = data.rfind(b"PK\5\6")
    path.write_bytes(data[:end] + b"PK\6\7" + bytes(16) + data[end:])
    assert "too many parts" in refused(path)


def test_more_columns_than_excel_has_are_made_up(tmp_path: Path) -> None:
    cells = "<c/>" * 20_000 + '<c t="inlineStr"><is><t>x</t></is></c>'
    good = "".join(f'<row><c t="inlineStr"><is><t>{text}</t></is></c></row>' for text in ("text", "y"))
    found = read(shared(tmp_path / "a.xlsx", "", f"{good}<row>{cells}</row>"), task="generation")
    assert [row["text"] for row in found.rows] == ["y"]
    assert [(p.line, p.message) for p in found.problems] == [(3, "the row has more than 16,384 columns")]


def test_half_characters_do_not_come_in_by_an_escape(tmp_path: Path) -> None:
    found = read(saved(tmp_path / "a.xlsx", [["text", "label"], ["half _xD800_ of one", "a"]]))
    assert [row["text"] for row in found.rows] == ["half \ufffd of one"]


def test_a_sheet_that_is_named_many_times_is_looked_at_once(tmp_path: Path) -> None:
    again = saved(tmp_path / "a.xlsx", [["text", "label"], ["x", "a"]])
    path = changed(again, {"xl/workbook.xml": lambda text: text.replace("</sheets>", "".join(
        f'<sheet xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" name="s{n}" '
        f'sheetId="{n + 9}" state="visible" r:id="rId1"/>' for n in range(300)) + "</sheets>")})
    found = read(path)
    assert len(found.rows) == 1 and found.problems == []
