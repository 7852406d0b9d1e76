"""Tokenizers of Hugging Face folders: ids and streamed text are those of transformers."""

import json

import pytest
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers import Tokenizer as Inner
from transformers import PreTrainedTokenizerFast

from modeling.errors import DataError
from modeling.text import Tokenizer

TEXTS = ["The quick brown fox jumps over the lazy dog.", "A dog is not a fox, and the fox knows it; doesn't he?",
         "天气很好，我们去公园。", "Line one\nline two\n\n  line three 1234", "naïve café 🎉 don't I'm you've"] * 20
HOSTILE = ["", " ", "  two  blanks ", "\n\n\t", "Hello  wörld, 你好 🎉👩‍👩‍👧 龘 naïve", "<0x0A> <0x41> Ġ ▁ ## ##a",
           "</s><s>", "<|im_start|>user<|im_end|>", "▁▁ ▁", "é e\u0301 \u202e \u0000 \ufffd", " .  , !", "x" * 300,
           "I'm n't do not .", "\u00a0non-breaking\u3000wide", "١٢٣ 12345678"]
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
          r"\s+(?!\S)|\s+")


def learn(inner: Inner, trainer: type, **options: object) -> Inner:
    inner.train_from_iterator(TEXTS, trainer(show_progress=False, **options))
    return inner


def gpt2() -> Inner:
    inner = Inner(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    return learn(inner, trainers.BpeTrainer, vocab_size=400, special_tokens=["<|endoftext|>"],
                 initial_alphabet=pre_tokenizers.ByteLevel.alphabet())


def roberta() -> Inner:
    inner = Inner(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    inner.decoder = decoders.ByteLevel()
    return learn(inner, trainers.BpeTrainer, vocab_size=400, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
                 initial_alphabet=pre_tokenizers.ByteLevel.alphabet())


def llama3() -> Inner:
    """Qwen's too: a normalizer, a split by a pattern, and added tokens that are not special."""
    inner = Inner(models.BPE(ignore_merges=True))
    inner.normalizer = normalizers.NFC()
    inner.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(LLAMA3), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    inner.decoder = decoders.ByteLevel()
    learn(inner, trainers.BpeTrainer, vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    inner.add_special_tokens(["<|begin_of_text|>", "<|im_start|>", "<|im_end|>"])
    inner.add_tokens([AddedToken("<tool call>", special=False), AddedToken("é", special=False, normalized=False)])
    return inner


def llama2() -> Inner:
    inner = Inner(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    inner.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    inner.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                       decoders.Strip(" ", 1, 0)])
    inner.pre_tokenizer = None
    return learn(inner, trainers.BpeTrainer, vocab_size=600,
                 special_tokens=["<unk>", "<s>", "</s>", *(f"<0x{i:02X}>" for i in range(256))])


def plain_bytes(inner: Inner) -> Inner:
    """Byte tokens are vocabulary in real folders, which a trainer cannot say: it makes them special."""
    state = json.loads(inner.to_str())
    state["added_tokens"] = [token for token in state["added_tokens"] if not token["content"].startswith("<0x")]
    return Inner.from_str(json.dumps(state))


def mistral() -> Inner:
    """Metaspace instead of the two replacements, as newer folders have it."""
    inner = Inner.from_str(llama2().to_str())
    inner.normalizer = None
    inner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    return inner


def t5() -> Inner:
    inner = Inner(models.Unigram())
    inner.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    inner.pre_tokenizer = pre_tokenizers.Metaspace()
    inner.decoder = decoders.Metaspace()
    return learn(inner, trainers.UnigramTrainer, vocab_size=200, unk_token="<unk>",
                 special_tokens=["<pad>", "</s>", "<unk>", "<extra_id_0>"])


def bert() -> Inner:
    inner = Inner(models.WordPiece(unk_token="[UNK]"))
    inner.normalizer = normalizers.BertNormalizer(lowercase=True)
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    inner.decoder = decoders.WordPiece()
    return learn(inner, trainers.WordPieceTrainer, vocab_size=300,
                 special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])


KINDS = {"gpt2": gpt2, "roberta": roberta, "llama3": llama3, "llama2": lambda: plain_bytes(llama2()),
         "mistral": lambda: plain_bytes(mistral()), "t5": t5, "bert": bert}


@pytest.fixture(scope="module", params=KINDS)
def pair(request, tmp_path_factory) -> tuple[Tokenizer, PreTrainedTokenizerFast]:
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    KINDS[request.param]().save(str(path))
    return Tokenizer.load(path), PreTrainedTokenizerFast(tokenizer_file=str(path), clean_up_tokenization_spaces=False)


@pytest.mark.parametrize("text", [*HOSTILE, *TEXTS[:5]])
def test_ids_are_those_of_transformers(pair, text) -> None:
    ours, theirs = pair
    assert ours.encode(text) == theirs.encode(text, add_special_tokens=False, split_special_tokens=True)


@pytest.mark.parametrize("text", [*HOSTILE, *TEXTS[:5], "é <tool call> é"])
def test_streamed_text_is_that_of_transformers(pair, text) -> None:
    ours, theirs = pair
    ids = ours.encode(text)
    stream = ours.detokenizer()
    streamed = "".join([*(stream.add([i]) for i in ids), stream.flush()])
    assert streamed == ours.decode(ids) == theirs.decode(ids, skip_special_tokens=True)


def test_special_tokens_decode_to_nothing_and_never_come_from_a_text(pair) -> None:
    ours, theirs = pair
    special = [token for token in theirs.added_tokens_decoder if theirs.added_tokens_decoder[token].special]
    assert special
    ids = [special[0], *ours.encode("fox"), *special]
    assert ours.decode(ids) == theirs.decode(ids, skip_special_tokens=True)
    if ours.token_id("<extra_id_0>") is None:  # the pieces of a Unigram vocabulary match wherever they stand
        for token in set(special) - {ours.unk_id}:
            assert token not in ours.encode(f"a {ours.token(token)} b")


def test_an_id_that_would_take_all_memory_is_refused(tmp_path) -> None:
    Inner(models.WordLevel({"a": 0, "b": 2**23}, unk_token="a")).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(DataError, match="id 8,388,608"):
        Tokenizer.load(tmp_path)


def test_a_decoder_that_cannot_be_streamed_is_refused(tmp_path) -> None:
    inner = gpt2()
    inner.decoder = decoders.CTC()
    inner.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(DataError, match="CTC.*can be read"):
        Tokenizer.load(tmp_path)
