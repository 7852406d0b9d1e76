"""What a classifier reads of a text."""

from __future__ import annotations

from modeling.text import ClassifierInputs, Tokenizer

TOKENIZER = Tokenizer.train(["the red stone and the blue stone"], vocabulary_size=60, kind="words")


def test_a_text_is_cut_and_marked_and_never_empty() -> None:
    inputs = ClassifierInputs(length=4, first=(2,), last=(3,))
    whole, nothing = inputs.encode(TOKENIZER, ["the red stone and the blue stone", ""])
    assert whole == [2, *TOKENIZER.encode("the red"), 3]
    assert nothing == [2, TOKENIZER.unk_id, 3]


def test_ngrams_stand_behind_the_vocabulary_and_know_the_order() -> None:
    inputs = ClassifierInputs(length=8, ngrams=3, buckets=1000)
    one, other = inputs.encode(TOKENIZER, ["red blue stone", "blue red stone"])
    size = TOKENIZER.vocabulary_size
    assert len(one) == 3 + 2 + 1 and all(size <= bucket < size + 1000 for bucket in one[3:])
    assert sorted(one[:3]) == sorted(other[:3]) and not set(one[3:]) & set(other[3:])
    assert inputs.encode(TOKENIZER, ["red blue stone"]) == [one]  # the same in every process: it is stored


def test_a_known_pair_keeps_its_bucket_for_ever() -> None:
    """The buckets of older artifacts: a change here would make them answer at random."""
    inputs = ClassifierInputs(length=8, ngrams=2, buckets=1_000_000)
    [ids] = inputs.encode(TOKENIZER, ["red stone"])
    first, second = (int(token) + 1 for token in ids[:2])
    offset, prime, bits = 14_695_981_039_346_656_037, 1_099_511_628_211, 2**64
    hashed = (((offset ^ first) * prime % bits) ^ second) * prime % bits
    assert ids[2] == TOKENIZER.vocabulary_size + (hashed ^ hashed >> 32) % 1_000_000


def test_what_an_artifact_says_is_read_again() -> None:
    inputs = ClassifierInputs(length=12, first=(2,), ngrams=2, buckets=50)
    assert ClassifierInputs.of(inputs.preprocessing() | {"text": {"case": "lower"}}) == inputs
    assert ClassifierInputs(length=9).preprocessing() == {"length": 9}
