"""SentencePiece models read without SentencePiece give its ids."""

from __future__ import annotations

import io

import pytest
import sentencepiece

from modeling.errors import DataError
from modeling.text import Tokenizer
from modeling.text.sentencepiece import tokenizer_of

TEXTS = ["The quick brown fox jumps over the lazy dog.", "A dog is not a fox, and the fox knows it; doesn't he?",
         "春眠不觉晓，处处闻啼鸟", "naïve café don't I'm you've 1234 5,678"] * 30
HOSTILE = ["", "fox", "  two  blanks ", "The fox, the dog", "ﬁne ½ Ａ　Ｂ", "龘 🎉", "a\u0301 \u00a0 b",
           "▁ ▁a", "x" * 80]


def learn(kind: str, texts: list[str] = TEXTS, **options: object) -> bytes:
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=written, model_type=kind, vocab_size=120, minloglevel=2,
        hard_vocab_limit=False, num_threads=1, **options)
    return written.getvalue()


@pytest.fixture(scope="module", params=["unigram", "bpe"])
def pair(request):
    options = {} if request.param == "unigram" else {
        "byte_fallback": True, "normalization_rule_name": "identity", "remove_extra_whitespaces": False,
        "character_coverage": 0.98, "vocab_size": 420}
    data = learn(request.param, **options) if request.param == "unigram" else learn_llama(**options)
    return Tokenizer(tokenizer_of(data)), sentencepiece.SentencePieceProcessor(model_proto=data)


def learn_llama(**options: object) -> bytes:
    """As Llama 2 has it."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(TEXTS), model_writer=written, model_type="bpe",
                                             minloglevel=2, hard_vocab_limit=False, num_threads=1, **options)
    return written.getvalue()


@pytest.mark.parametrize("text", [*HOSTILE[1:], *TEXTS[:4]])
def test_ids_and_texts_are_those_of_sentencepiece(pair, text) -> None:
    ours, theirs = pair
    ids = ours.encode(text)
    assert ids == theirs.encode(text)
    if ours.unk_id not in ids:
        stream = ours.detokenizer()
        assert "".join([*(stream.add([i]) for i in ids), stream.flush()]) == theirs.decode(ids)


def test_the_ids_of_a_common_vocabulary_are_given_and_what_only_the_other_language_has_is_spelt() -> None:
    source = learn("unigram", [text for text in TEXTS if text.isascii()])
    target = learn("unigram", ["le renard brun saute par-dessus le chien", "un chien est là"] * 30)
    theirs = [sentencepiece.SentencePieceProcessor(model_proto=data) for data in (source, target)]
    pieces = dict.fromkeys(p.id_to_piece(i) for p in theirs for i in range(3, p.piece_size()))
    vocabulary = {text: index for index, text in enumerate(["</s>", "<unk>", *pieces, ">>fra<<", "<pad>"])}
    both = [Tokenizer(tokenizer_of(data, vocabulary)) for data in (source, target)]
    for text in ("the quick fox jumps", "Doesn't he?", "fox ß"):
        assert both[0].encode(text) == [vocabulary.get(p, 1) for p in theirs[0].encode(text, out_type=str)]
    ids = both[1].encode("le renard saute")
    assert ids == [vocabulary[p] for p in theirs[1].encode("le renard saute", out_type=str)]
    assert both[0].decode(ids) == both[1].decode([vocabulary["<pad>"], *ids, 0]) == "le renard saute"


@pytest.mark.parametrize("data", [b"", b"\x0a\xff", b"not a model at all", learn("unigram")[:500]])
def test_what_is_no_such_model_is_refused(data) -> None:
    with pytest.raises(DataError, match="SentencePiece model cannot be read"):
        tokenizer_of(data)
