"""The steps before the tokenizer: what can be set, what each does, what the tokenizer makes of it."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from modeling.errors import ConfigError
from modeling.text import ALLOWED, Pipeline, Preprocessing, Tokenizer
from tests.modeling.tiny import EVERY_STEP

TEXT = "<p>Caf&eacute; in Ｎｅｗ York, not bad! Mail a.b@c.de or http://x.y/z 42 times.<br>量子糾纏態很神奇</p>"


def test_each_step_is_shown_and_the_last_is_what_the_tokenizer_gets() -> None:
    pipeline = Pipeline(EVERY_STEP)
    steps = dict(pipeline.steps(TEXT))
    assert list(steps) == ["html", "unicode", "urls", "emails", "numbers", "blanks", "simplified", "lowercase",
                           "accents", "segment", "stop_words", "ngrams"]
    assert steps["accents"] == ("cafe in new york, not bad! mail <email> or <url> <number> times. 量子纠缠态很神奇")
    assert "new_york" in steps["segment"].split() and "量子纠缠态" in steps["segment"].split()
    assert " or " not in steps["stop_words"] and "not" in steps["stop_words"].split()
    assert "<number>" in steps["stop_words"].split()  # although the lists hold numbers
    assert "not_bad" in steps["ngrams"].split()
    assert pipeline(TEXT) == steps["ngrams"]


def test_without_steps_a_text_stays_as_it_is() -> None:
    pipeline = Pipeline(Preprocessing())
    assert not pipeline and pipeline.keeps_places and pipeline.steps(TEXT) == []
    assert pipeline(TEXT) is TEXT


def test_what_was_saved_comes_back() -> None:
    assert Preprocessing.from_dict(EVERY_STEP.as_dict()) == EVERY_STEP
    assert Preprocessing().as_dict() == {} and Preprocessing.from_dict({}) == Preprocessing()


def test_the_frozen_steps_do_the_same_without_the_lists() -> None:
    frozen = EVERY_STEP.frozen()
    assert frozen.stop_words == () and "the" in frozen.stop_added and "not" not in frozen.stop_added
    assert Pipeline(frozen)(TEXT) == Pipeline(EVERY_STEP)(TEXT)


@pytest.mark.parametrize(("given", "field"), [
    ({"colour": True}, "colour"), ({"html": "yes"}, "html"), ({"urls": "burn"}, "urls"), ({"ngrams": 9}, "ngrams"),
    ({"ngrams": True}, "ngrams"), ({"ngrams": 2}, "ngrams"), ({"stop_words": ["en"]}, "stop_words"),
    ({"segment": True, "stop_words": ["xx"]}, "stop_words"), ({"words": ["<s>"]}, "words"),
    ({"words": ["[CLS]"]}, "words"), ({"words": ["x" * 65]}, "words"), ({"words": ["a\nb"]}, "words"),
    ({"words": [" "]}, "words"), ({"words": [7]}, "words"), ({"words": "ab"}, "words"),
])
def test_what_cannot_be_is_refused_with_its_field(given: dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Preprocessing.from_dict(given)
    assert caught.value.field == field


def test_answers_keep_their_places() -> None:
    pipeline = Pipeline(Preprocessing(simplified=True, lowercase=True))
    text = "愛因斯坦生於德國。 İT WAS 1879"
    assert pipeline.keeps_places and len(pipeline(text)) == len(text)
    for name in {f.name for f in fields(Preprocessing)} - {*ALLOWED["question-answering"]}:
        value: Any = {"urls": "remove", "emails": "remove", "numbers": "remove", "ngrams": 2, "stop_words": ("en",),
                      "stop_added": ("a",), "stop_kept": ("a",)}.get(name, True)
        steps = Preprocessing(**{"segment": True} | {name: value}) if name != "segment" else Preprocessing(segment=True)
        with pytest.raises(ConfigError, match="keep their places"):
            steps.check_task("question-answering")


@pytest.mark.parametrize("task", ["translation", "generation", "summarisation"])
def test_what_writes_text_is_given_texts(task: str) -> None:
    Preprocessing(html=True, urls="remove", words=("Parley",)).check_task(task)
    with pytest.raises(ConfigError, match=f"segment cannot be used for {task}"):
        Preprocessing(segment=True).check_task(task)


def test_added_words_and_segments_are_tokens(tmp_path: Path) -> None:
    tokenizer = Tokenizer.train([TEXT, "the new cafe in york"], vocabulary_size=300, kind="words",
                                preprocessing=EVERY_STEP)
    tokens = [tokenizer.token(i) for i in tokenizer.encode("量子糾纏態 in New York at <b>http://a.b</b>")]
    assert tokens == ["量子纠缠态", "new_york", "<unk>", "<url>", "<unk>"]  # bigrams that it has not seen
    tokenizer.save(tmp_path / "tokenizer.json")
    again = Tokenizer.load(tmp_path, EVERY_STEP)
    assert again.encode(TEXT) == tokenizer.encode(TEXT)
    assert Tokenizer.load(tmp_path).encode(TEXT) != tokenizer.encode(TEXT)


@pytest.mark.parametrize("kind", ["bpe", "words", "characters"])
def test_an_added_word_is_one_token_of_any_tokenizer(kind: Any) -> None:
    steps = Preprocessing(words=("Zyxwv", "清华大学"), urls="replace", lowercase=True)
    tokenizer = Tokenizer.train(["the zyxwv is here", "我在清华大学"], vocabulary_size=320, kind=kind,
                                preprocessing=steps)
    for word, spelt in (("Zyxwv", "zyxwv"), ("我在清华大学里", "清华大学"), ("http://a.b/c", "<url>")):
        assert tokenizer.token_id(spelt) in tokenizer.encode(word)
    assert tokenizer.token_id("zyxwv") not in tokenizer.encode("zyxwvut")
    assert tokenizer.vocabulary_size <= 320
    assert "zyxwv" in tokenizer.decode(tokenizer.encode("the ZYXWV"))


def test_the_marks_of_a_model_never_come_from_a_text() -> None:
    tokenizer = Tokenizer.train(["a b"], vocabulary_size=300, preprocessing=Preprocessing(html=True, urls="replace"))
    assert {tokenizer.bos_id, tokenizer.eos_id, tokenizer.pad_id}.isdisjoint(tokenizer.encode("&lt;s&gt;</s> <pad>"))


def test_half_characters_do_no_harm() -> None:
    assert Pipeline(EVERY_STEP)("a \ud800 b")
