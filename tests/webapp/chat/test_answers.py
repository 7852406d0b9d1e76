"""How answers to questions look: given with their probability, known from a list, or withheld."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string

from webapp.chat.presentation import question_answering

PASSAGE = {"document": "a.md", "title": "Tea", "text": "Tea is a drink.", "score": 3.0}
NEAR = [{"question": "When do you open?", "answer": "At nine.", "similarity": 0.9},
        {"question": "When do you close?", "answer": "At six.", "similarity": 0.4}]


def shown(result: dict[str, Any], text: str = "") -> str:
    return render_to_string("chat/answers/question-answering.html", {"m": {"id": 1, "text": text}
                                                                     | question_answering(result)})


def test_an_answer_tells_how_likely_it_is_right() -> None:
    answer = {"text": "a drink", "passage": 0, "start": 7, "end": 14, "score": 0.42}
    page = shown({"passages": [PASSAGE], "answers": [answer]}, "a drink")
    assert "Right with a probability of 42.0" in page and "<mark>a drink</mark>" in page and "refusal" not in page


def test_no_answer_has_its_own_look_and_says_why() -> None:
    page = shown({"passages": [PASSAGE], "answers": [], "withheld": 0.1})
    assert 'data-testid="refusal"' in page and "The documents do not say." in page and "10.0" in page
    assert "No passage shares a word" in shown({"passages": [], "answers": []})
    assert page.count("<details") == page.count("</details>") == 1


def test_a_question_of_a_list_is_named_with_how_alike_it_is_and_the_next_ones() -> None:
    whole = {"text": "At nine.", "passage": 0, "start": 0, "end": 8, "score": 0.9}
    page = shown({"passages": [PASSAGE], "answers": [whole], "known": True, "questions": NEAR}, "At nine.")
    assert "When do you open?" in page and "90.0" in page and "When do you close?" in page
    assert "<mark>" not in page


def test_a_list_that_is_not_sure_shows_the_nearest_questions() -> None:
    page = shown({"passages": [], "answers": [], "questions": NEAR[1:]})
    assert "Not sure" in page and "At six." in page and "<details" in page
