"""What is taken out of a text, and what stays."""

from __future__ import annotations

import time

import pytest

from modeling.text.cleaning import (
    lowercase,
    plain_unicode,
    squeezed,
    without_accents,
    without_emails,
    without_html,
    without_numbers,
    without_urls,
)


@pytest.mark.parametrize(("text", "plain"), [
    ("a<br />b", "a b"), ("<b>bold</b>ly", "boldly"), ("Tom &amp; Ann &#39;s", "Tom & Ann 's"),
    ("&lt;p&gt;twice&lt;/p&gt;", " twice "), ("I <3 you, 5 < 6 and 7 > 3", "I <3 you, 5 < 6 and 7 > 3"),
    ("<url> and <notatag>", "<url> and <notatag>"), ("a<script>var x = '<b>';</script>b", "a b"),
    ("a<!-- no -->b<STYLE type=x>p{}</style >c", "a b c"), ("open <script>for ever", "open  for ever"),
    ("<a href='x'>link</a>", "link"), ("&nosuch; & &", "&nosuch; & &"),
    (f"a&#{'9' * 5000};b&#{'0' * 5000}65;&#0;&#x41;", "a\ufffdbA\ufffdA"), ("<hr><h1>T</h1>", "  T "),
])
def test_html_leaves_its_text(text: str, plain: str) -> None:
    assert without_html(text) == plain


@pytest.mark.parametrize(("text", "plain"), [
    ("see http://x.org/a?b=1, or www.y.com.", "see URL, or URL."), ("看https://t.cn/Ab12这个", "看URL这个"),
    ("ftp://h/f (HTTP://X.Y/Z)", "URL (URL)"), ("awww.so nice", "awww.so nice"), ("http:// alone", "http:// alone"),
])
def test_web_addresses_are_found_up_to_their_punctuation(text: str, plain: str) -> None:
    assert without_urls(text, "URL") == plain


def test_mail_addresses_and_numbers_are_replaced_whole() -> None:
    assert without_emails("to a.b+c@d-e.co.uk, not @home or a@b", "MAIL") == "to MAIL, not @home or a@b"
    assert without_numbers("3 of 1,234.5 at 12:30, 2023年, B12, v2", "N") == "N of N at N, N年, B12, v2"
    assert without_numbers("١٢ and 1,2,3.", "N") == "N and N."


def test_letters_are_made_even() -> None:
    assert plain_unicode("ＡＢ１ ﬁ ①") == "AB1 fi 1"
    assert without_accents("Café Ångström naïve") == "Cafe Angstrom naive"
    assert without_accents("йога が") == "йога が"  # other letters, and not accents
    assert squeezed(" a \t b \n\n c ") == "a b\n\nc"


@pytest.mark.parametrize("text", ["İSTANBUL ÀÉ", "ΌΣΟΣ", "中文 ABC", "ǅ ẞ", ""])
def test_small_letters_keep_every_place(text: str) -> None:
    assert len(lowercase(text)) == len(text)
    assert lowercase(text.replace("İ", "I")) == text.replace("İ", "I").lower()


@pytest.mark.parametrize("piece", ["<script", "<!--", "<a ", "<b", "&amp", "a@", "a.b", "1,", "http://", "www.", "&#",
                                   "e\u0301"])
def test_hostile_texts_take_linear_time(piece: str) -> None:
    started = time.monotonic()
    text = piece * (200_000 // len(piece))
    for step in (without_html, without_urls, without_emails, without_numbers, without_accents, squeezed):
        step(text)
    assert time.monotonic() - started < 8  # a second even on a busy machine; quadratic time would be minutes
