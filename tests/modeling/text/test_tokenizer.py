"""Tokenizer and StreamingDetokenizer."""

import random

import pytest

from modeling.errors import ConfigError, DataError
from modeling.text import Tokenizer

TEXTS = ["The quick brown fox jumps over the lazy dog.", "A dog is not a fox, and the fox knows it.",
         "天气很好，我们去公园。", "公园里有很多人，天气真好。", "Line one\nline two\n\nline three"] * 20
HOSTILE = "Hello  wörld, 你好 🎉👩‍👩‍👧 </s> <2fr> <0x0A>\n\n\t龘 \u0301e naïve"


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(TEXTS, vocabulary_size=500, special_tokens=("<2fr>",))


def test_special_tokens_have_the_first_ids(tokenizer: Tokenizer) -> None:
    assert (tokenizer.pad_id, tokenizer.unk_id, tokenizer.bos_id, tokenizer.eos_id) == (0, 1, 2, 3)
    assert tokenizer.token_id("<2fr>") == 4
    assert tokenizer.vocabulary_size <= 500


def test_any_text_comes_back_as_it_was(tokenizer: Tokenizer) -> None:
    text = HOSTILE.replace("\u0301e", "e")  # the accent alone would be composed with the blank's neighbour
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_special_tokens_typed_by_a_user_are_ordinary_characters(tokenizer: Tokenizer) -> None:
    assert not {0, 1, 2, 3, 4} & set(tokenizer.encode("<pad> <unk> <s> </s> <2fr>"))


def test_special_tokens_decode_to_nothing(tokenizer: Tokenizer) -> None:
    assert tokenizer.decode([2, *tokenizer.encode("fox"), 3, 0]) == "fox"


def test_offsets_count_characters_of_the_original(tokenizer: Tokenizer) -> None:
    ids, offsets = tokenizer.encode_with_offsets("a 龘 fox")
    assert len(ids) == len(offsets)
    assert [offset for offset in offsets if offset == (2, 3)] == [(2, 3)] * 3  # three bytes, one character
    assert offsets[-1][1] == 7


def test_a_batch_is_encoded_as_each_text_alone(tokenizer: Tokenizer) -> None:
    texts = [*TEXTS[:5], "", HOSTILE]
    assert tokenizer.encode_batch(texts) == [tokenizer.encode(text) for text in texts]


def test_it_is_the_same_after_saving_and_loading(tokenizer: Tokenizer, tmp_path) -> None:
    tokenizer.save(tmp_path / "tokenizer.json")
    for path in (tmp_path, tmp_path / "tokenizer.json"):
        loaded = Tokenizer.load(path)
        assert loaded.encode(HOSTILE) == tokenizer.encode(HOSTILE)
        assert loaded.decode(loaded.encode(HOSTILE)) == tokenizer.decode(tokenizer.encode(HOSTILE))
        assert loaded.vocabulary_size == tokenizer.vocabulary_size


def test_training_twice_gives_the_same_file(tokenizer: Tokenizer, tmp_path) -> None:
    again = Tokenizer.train(iter(TEXTS), vocabulary_size=500, special_tokens=("<2fr>",))
    tokenizer.save(tmp_path / "one.json")
    again.save(tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_a_stream_never_shows_half_a_character_and_adds_up_to_the_whole(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode(HOSTILE)
    stream = tokenizer.detokenizer()
    parts = [stream.add([i]) for i in ids] + [stream.flush()]
    assert "\ufffd" not in "".join(parts)
    assert "".join(parts) == tokenizer.decode(ids)


def test_a_stream_of_any_tokens_adds_up_to_the_whole(tokenizer: Tokenizer) -> None:
    generator = random.Random(7)
    for _ in range(50):
        ids = [generator.randrange(tokenizer.vocabulary_size) for _ in range(40)]
        stream = tokenizer.detokenizer()
        assert "".join([*(stream.add([i]) for i in ids), stream.flush()]) == tokenizer.decode(ids)


def test_half_a_character_at_the_end_becomes_the_replacement_mark(tokenizer: Tokenizer) -> None:
    half = tokenizer.encode("龘")[:2]
    stream = tokenizer.detokenizer()
    assert stream.add(half) == ""
    assert stream.flush() == "\ufffd"


def test_characters_are_tokens_of_their_own_and_unknown_ones_are_marked() -> None:
    tokenizer = Tokenizer.train(["abc\n cab"], vocabulary_size=100, kind="characters")
    ids = tokenizer.encode("abc\n cabz")
    assert tokenizer.decode(ids) == "abc\n cab"
    assert len(ids) == 9
    assert ids[-1] == tokenizer.unk_id


def test_words_are_tokens_and_chinese_goes_by_character() -> None:
    tokenizer = Tokenizer.train(TEXTS, vocabulary_size=100, kind="words", lowercase=True)
    ids, offsets = tokenizer.encode_with_offsets("The FOX, 天气")
    assert [tokenizer.token(i) for i in ids] == ["the", "fox", ",", "天", "气"]
    assert offsets == [(0, 3), (4, 7), (7, 8), (9, 10), (10, 11)]
    assert tokenizer.decode(ids) == "the fox , 天 气"


def test_rare_characters_are_spelt_in_bytes_when_the_vocabulary_is_small() -> None:
    many = "".join(chr(0x4E00 + i) for i in range(3000))
    tokenizer = Tokenizer.train(["天天天天气气气" * 200, many], vocabulary_size=600)
    assert tokenizer.vocabulary_size == 600
    assert tokenizer.decode(tokenizer.encode(many)) == many


def test_a_bert_vocabulary_is_loaded(tmp_path) -> None:
    from tokenizers import Tokenizer as Inner
    from tokenizers import models, normalizers, pre_tokenizers

    vocabulary = {t: i for i, t in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "un", "##believ", "##able", "!"])}
    inner = Inner(models.WordPiece(vocabulary, unk_token="[UNK]"))
    inner.normalizer = normalizers.BertNormalizer(lowercase=True)
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    inner.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    inner.enable_padding(length=16)
    inner.save(str(tmp_path / "tokenizer.json"))
    tokenizer = Tokenizer.load(tmp_path)
    assert tokenizer.encode_with_offsets("Unbelievable!") == ([4, 5, 6, 7], [(0, 2), (2, 8), (8, 12), (12, 13)])
    assert tokenizer.decode([2, 4, 5, 6, 7, 3]) == "unbelievable !"
    assert (tokenizer.pad_id, tokenizer.unk_id, tokenizer.bos_id) == (0, 1, None)
    assert tokenizer.encode("[SEP]")[0] != 3


def test_half_characters_are_marked_and_do_no_harm(tokenizer: Tokenizer) -> None:
    ids, offsets = tokenizer.encode_with_offsets("a\ud800b")
    assert tokenizer.decode(ids) == "a\ufffdb"
    assert offsets[-1] == (2, 3)
    assert tokenizer.encode_batch(["a\ud800b"]) == [ids]
    assert Tokenizer.train(["a\ud800b"], vocabulary_size=300).vocabulary_size > 260


def test_faults_say_what_is_allowed(tmp_path) -> None:
    with pytest.raises(ConfigError, match="must be above 260"):
        Tokenizer.train(TEXTS, vocabulary_size=100)
    with pytest.raises(ConfigError, match="bpe, characters or words"):
        Tokenizer.train(TEXTS, vocabulary_size=1000, kind="letters")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no text"):
        Tokenizer.train([""], vocabulary_size=1000)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(DataError, match="is not a tokenizer"):
        Tokenizer.load(tmp_path)
    with pytest.raises(DataError, match="is not a tokenizer"):
        Tokenizer.load(tmp_path / "absent.json")
