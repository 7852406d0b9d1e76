"""Pieces that pages are made of."""

from __future__ import annotations

from html import unescape

import pytest
from django.utils import translation

from modeling.errors import EngineBusyError, RequestError
from webapp.chat import presentation
from webapp.chat.presentation import classification, marked, question_answering, telling, token_rows
from webapp.chat.templatetags.chat import percent
from webapp.markdown import render, settled_until
from webapp.wording import said, spoken


def test_marks_cover_their_characters_and_overlaps_are_one() -> None:
    assert marked("abcdef", [(1, 3), (2, 4)]) == [
        {"text": "a", "mark": False}, {"text": "bcd", "mark": True}, {"text": "ef", "mark": False}]
    assert marked("ab", []) == [{"text": "ab", "mark": False}]
    assert marked("ab", [(-5, 99)]) == [{"text": "ab", "mark": True}]
    assert marked("", [(0, 3)]) == []


def test_the_passage_with_the_answer_comes_first() -> None:
    shown = question_answering({
        "passages": [{"text": "no"}, {"text": "yes it is"}],
        "answers": [{"passage": 1, "start": 0, "end": 3, "text": "yes", "score": 0.9}]})
    assert shown["passages"][0]["pieces"][0] == {"text": "yes", "mark": True}
    assert question_answering({"passages": [{"text": "no"}], "answers": []})["answered"]
    assert not question_answering({"passages": [{"text": "no"}]})["answered"]


def test_a_token_outside_of_the_candidates_keeps_its_own_text() -> None:
    rows = token_rows([{"logprob": -5.0, "text": "rare", "candidates": [["common", -0.1]]}])
    assert rows[0]["text"] == "rare" and rows[0]["level"] == 0


def test_the_words_that_carried_a_class_are_marked_by_how_much() -> None:
    words = [{"start": 0, "end": 3, "weight": 0.6}, {"start": 4, "end": 6, "weight": 0.21},
             {"start": 7, "end": 10, "weight": 0.01}, {"start": 11, "end": 14, "weight": -0.3}]
    assert telling("win a1 the bad.", words) == [
        {"text": "win", "level": 3}, {"text": " ", "level": 0}, {"text": "a1", "level": 2},
        {"text": " the bad.", "level": 0}]
    assert telling("win", [{"start": 0, "end": 3, "weight": 0.01}]) == []


def test_a_guess_and_labels_side_by_side_are_told_apart() -> None:
    rows = [{"label": "a", "probability": 0.4}, {"label": "b", "probability": 0.3}]
    assert classification({"labels": rows, "sure": False})["unsure"]
    assert not classification({"labels": rows})["unsure"] and not classification({"labels": rows})["several"]
    shown = classification({"labels": [rows[0] | {"given": True}, rows[1] | {"given": False}]})
    assert shown["given"] == ["a"] and shown["several"] and not shown["unsure"]


@pytest.mark.parametrize(("text", "whole"), [
    ("one", ""), ("one\n\ntwo", "one\n\n"), ("one\n\n", "one\n\n"), ("```\na\n\nb", ""), ("a\n\n```\nb\n\nc", "a\n\n"),
    ("```\na\n\nb\n```\n\nc", "```\na\n\nb\n```\n\n"),
])
def test_blocks_are_whole_at_blank_lines_outside_of_fences(text: str, whole: str) -> None:
    assert text[:settled_until(text)] == whole


def test_lines_of_a_poem_stay_lines() -> None:
    assert render("春眠不觉晓，\n**处处**闻啼鸟。") == "<p>春眠不觉晓，<br>\n<strong>处处</strong>闻啼鸟。</p>\n"


@pytest.mark.parametrize("text", ["one\n\n\n  two ", "7", '{"a": "<b>"}', "明月\n 松间"])
def test_text_without_markup_keeps_every_space(text: str) -> None:
    assert unescape(render(text)) == f'<div class="plain">{text}</div>'


def test_errors_are_said_in_the_readers_language_with_their_numbers() -> None:
    error = RequestError("The text has 512 tokens", remedy="Shorten the text")
    assert said(error) == "The text has 512 tokens. Shorten the text."
    with translation.override("zh-hans"):
        assert said(error) == "文本有 512 个词元。请缩短文本。"
        assert said(EngineBusyError("Something new", retry_after=3)).startswith("Something new。")
        assert spoken("It is damaged: EOF 12 of 34") == "文件已损坏: EOF 12 of 34。"


def test_shares_are_written_as_people_write_them() -> None:
    assert percent(0.9412) == "94.1\u202f%"
    with translation.override("zh-hans"):
        assert percent(0.9412) == "94.1%"


def test_a_translation_marks_the_terms_of_a_glossary_and_a_summary_what_it_copied() -> None:
    shown = presentation.translation({"terms": [{"source": "fox", "target": "goupil", "start": 3, "end": 9}]}, {},
                                     "Le goupil dort.")
    assert [piece["text"] for piece in shown["written"] if piece["mark"]] == ["goupil"]
    copied = [{"start": 0, "end": 9, "from": 4, "to": 13}]
    found = {"copied": copied, "parts": 2, "read": 5, "characters": 20}
    summed = presentation.summarisation(found, "And red stone is", "red stone.")
    assert [piece["text"] for piece in summed["written"] if piece["mark"]] == ["red stone"]
    assert summed["anew"] and summed["unread"]
