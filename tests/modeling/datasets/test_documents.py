"""document_text(): text, Markdown and PDF."""

import io
import time

import pytest

from modeling.datasets import document_text
from modeling.datasets.documents import markdown_text
from modeling.errors import DataError


def pdf(*pages: str, title: str = "") -> bytes:
    """A minimal PDF, one line of Helvetica for each line of each page."""
    kids = " ".join(f"{5 + 2 * i} 0 R" for i in range(len(pages)))
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Count {len(pages)} /Kids [{kids}] >>",
               "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>", f"<< /Title ({title}) >>"]
    for number, page in enumerate(pages):
        stream = "".join(f"BT /F1 12 Tf 50 {700 - 20 * i} Td ({line}) Tj ET\n"
                         for i, line in enumerate(page.split("\n")))
        objects.append("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Resources << /Font << /F1 3 0 R >> >> "
                       f"/Contents {6 + 2 * number} 0 R >>")
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    out = io.BytesIO(b"%PDF-1.4\n")
    out.seek(0, io.SEEK_END)
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(out.tell())
        out.write(f"{number} 0 obj\n{body}\nendobj\n".encode())
    start = out.tell()
    out.write(f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode())
    out.write("".join(f"{offset:010d} 00000 n \n" for offset in offsets).encode())
    out.write(f"trailer << /Size {len(objects) + 1} /Root 1 0 R /Info 4 0 R >>\nstartxref\n{start}\n%%EOF".encode())
    return out.getvalue()


def test_a_text_file_is_called_by_its_name(tmp_path) -> None:
    (tmp_path / "my_notes-2.txt").write_bytes("\ufeffOne.\r\n\r\nTwo.\n".encode())
    assert document_text(tmp_path / "my_notes-2.txt") == ("my notes 2", "One.\n\nTwo.")


def test_markdown_loses_its_marks_and_gives_its_title(tmp_path) -> None:
    (tmp_path / "a.md").write_text("<!-- no -->\n# The *Title* #\nSome **bold** and `code`, a [link](http://x/y).\n\n"
                                   "Second\n------\n![picture](p.png) snake_case_name 2 * 3 * 4\n```py\nx = 1\n```\n"
                                   "---\n")
    assert document_text(tmp_path / "a.md") == (
        "The Title", "Some bold and code, a link.\n\nSecond\n\npicture snake_case_name 2 * 3 * 4\n\nx = 1")


def test_a_pdf_gives_title_and_flowing_text(tmp_path) -> None:
    pages = "This sentence is wrap-\nped over lines and\ngoes on.", "Page two."
    (tmp_path / "a.pdf").write_bytes(pdf(*pages, title="A title"))
    title, text = document_text(tmp_path / "a.pdf")
    assert title == "A title"
    assert text == "This sentence is wrapped over lines and goes on.\n\nPage two."


def test_a_pdf_without_text_says_what_to_do(tmp_path) -> None:
    (tmp_path / "scan.pdf").write_bytes(pdf("", ""))
    with pytest.raises(DataError, match="scan.pdf has no text in it.*text recognition"):
        document_text(tmp_path / "scan.pdf")


def test_a_locked_pdf_is_refused(tmp_path) -> None:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf("Secret."))))
    writer.encrypt("word", algorithm="RC4-128")
    writer.write(tmp_path / "a.pdf")
    with pytest.raises(DataError, match="locked with a password"):
        document_text(tmp_path / "a.pdf")


@pytest.mark.parametrize("content", [b"", b"hello", b"%PDF-1.4\nnonsense", pdf("Text.")[:200], pdf("T")[:-60]])
def test_a_damaged_pdf_is_a_message_or_text_but_no_traceback(tmp_path, content: bytes) -> None:
    (tmp_path / "a.pdf").write_bytes(content)
    try:
        assert document_text(tmp_path / "a.pdf")[1]
    except DataError as error:
        assert "a.pdf" in str(error)


def test_other_files_are_refused_with_what_is_allowed(tmp_path) -> None:
    for name, content in (("a.docx", b"PK\x03\x04"), ("a.txt", b"\x89PNG\r\n\0"), ("b.txt", b" \n"),
                          ("c.md", b"<!-- -->")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=name):
            document_text(tmp_path / name)
    with pytest.raises(DataError, match=r"gone\.txt cannot be read"):
        document_text(tmp_path / "gone.txt")


def test_limits_hold(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("modeling.datasets.documents.MOST_PAGES", 2)
    monkeypatch.setattr("modeling.datasets.documents.MOST_CHARACTERS", 30)
    (tmp_path / "a.pdf").write_bytes(pdf("one", "two", "three"))
    with pytest.raises(DataError, match="3 pages. At most 2"):
        document_text(tmp_path / "a.pdf")
    (tmp_path / "a.txt").write_text("x" * 31)
    with pytest.raises(DataError, match="31 characters. At most 30"):
        document_text(tmp_path / "a.txt")
    (tmp_path / "b.pdf").write_bytes(pdf("x" * 40))
    with pytest.raises(DataError, match="more than 30 characters"):
        document_text(tmp_path / "b.pdf")
    monkeypatch.setattr("modeling.datasets.documents.MOST_BYTES", 10)
    with pytest.raises(DataError, match="At most"):
        document_text(tmp_path / "a.txt")


@pytest.mark.parametrize("unit", ["[", "*", "# #", "<!--", "`a", "[](", "- ", "\n", "_ ", "![](", "#", "](("])
def test_markdown_made_to_be_slow_is_not(unit: str) -> None:
    started = time.monotonic()
    markdown_text(unit * 50_000)
    assert time.monotonic() - started < 5
