"""Hugging Face folders with random weights: the real classes of transformers, 2 layers, 32 wide, 200 tokens or so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertForQuestionAnswering,
    DistilBertConfig,
    DistilBertForQuestionAnswering,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MarianConfig,
    MarianMTModel,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    RobertaConfig,
    RobertaForQuestionAnswering,
    T5Config,
    T5ForConditionalGeneration,
    XLMRobertaConfig,
    XLMRobertaForQuestionAnswering,
)

VOCABULARY = 300
TEXTS = ["The quick brown fox jumps over the lazy dog.", "the cat sat on the mat", "春眠不觉晓，处处闻啼鸟",
         "a red stone"] * 10
SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "intermediate_size": 48, "max_position_embeddings": 64, "bos_token_id": None,
    "eos_token_id": 2, "pad_token_id": None, "head_dim": 16,
}
LLAMA3 = {"rope_type": "llama3", "rope_theta": 5e4, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 24}
CAUSAL: dict[str, Callable[[], PreTrainedModel]] = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**SIZES, rms_norm_eps=1e-6)),
    "llama3": lambda: LlamaForCausalLM(LlamaConfig(**SIZES, rope_parameters=LLAMA3, tie_word_embeddings=True)),
    "linear": lambda: LlamaForCausalLM(LlamaConfig(
        **SIZES, rope_parameters={"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0})),
    "mistral": lambda: MistralForCausalLM(MistralConfig(**SIZES, sliding_window=48)),
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**{k: v for k, v in SIZES.items() if k != "head_dim"} | {
        "hidden_size": 64})),
    "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**SIZES, tie_word_embeddings=True)),
    "gpt2": lambda: GPT2LMHeadModel(GPT2Config(
        vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=2, n_positions=64, bos_token_id=2, eos_token_id=2)),
}

ENCODER_DECODER: dict[str, Any] = {
    "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
    "encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "vocab_size": VOCABULARY, "max_position_embeddings": 64,
}
T5_SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY, "d_model": 32, "d_kv": 16, "num_heads": 4, "num_layers": 2, "d_ff": 48,
    "relative_attention_num_buckets": 8, "relative_attention_max_distance": 20, "pad_token_id": 0, "eos_token_id": 2,
    "decoder_start_token_id": 0,
}
SEQ2SEQ: dict[str, Callable[[], PreTrainedModel]] = {
    "marian": lambda: MarianMTModel(MarianConfig(
        **ENCODER_DECODER, scale_embedding=True, activation_function="swish", pad_token_id=1, eos_token_id=2,
        decoder_start_token_id=1, forced_eos_token_id=2, bad_words_ids=[[1]])),
    "bart": lambda: BartForConditionalGeneration(BartConfig(
        **ENCODER_DECODER, activation_function="gelu", bos_token_id=0, pad_token_id=1, eos_token_id=2,
        decoder_start_token_id=2, forced_bos_token_id=0)),
    "t5": lambda: T5ForConditionalGeneration(T5Config(**T5_SIZES)),
    "t5 1.1": lambda: T5ForConditionalGeneration(T5Config(
        **T5_SIZES, feed_forward_proj="gated-gelu", tie_word_embeddings=False)),
}


def shaken(model: PreTrainedModel, seed: int = 0) -> PreTrainedModel:
    """Weights, norms and biases too, that make decisions which are no ties."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "embed_positions" in name and not parameter.requires_grad:  # Marian's sines
                continue
            noise = torch.randn_like(parameter)
            gain = parameter.dim() == 1 and name.endswith("weight")
            parameter.copy_(1 + 0.1 * noise if gain else 0.15 * noise)
    return model.eval().requires_grad_(False)


def byte_tokenizer(specials: tuple[str, ...] = SPECIALS, size: int = VOCABULARY) -> Tokenizer:
    """ByteLevel BPE, as GPT-2 and its followers have."""
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer, inner.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    inner.train_from_iterator(TEXTS, trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(specials), show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return inner


def causal_folder(folder: Path, family: str = "llama", **saving: Any) -> PreTrainedModel:
    """Write a folder; the model as transformers has it comes back."""
    model = shaken(CAUSAL[family]())
    model.save_pretrained(folder, **saving)
    byte_tokenizer().save(str(folder / "tokenizer.json"))
    return model


ENCODER: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
READERS: dict[str, Callable[[int], PreTrainedModel]] = {
    "bert": lambda size: BertForQuestionAnswering(BertConfig(
        **ENCODER, vocab_size=size, max_position_embeddings=80)),
    "roberta": lambda size: RobertaForQuestionAnswering(RobertaConfig(
        **ENCODER, vocab_size=size, max_position_embeddings=82, type_vocab_size=1, layer_norm_eps=1e-5)),
    "xlm-roberta": lambda size: XLMRobertaForQuestionAnswering(XLMRobertaConfig(
        **ENCODER, vocab_size=size + 3, max_position_embeddings=82, type_vocab_size=1, layer_norm_eps=1e-5)),
    "distilbert": lambda size: DistilBertForQuestionAnswering(DistilBertConfig(
        vocab_size=size, dim=32, n_layers=2, n_heads=2, hidden_dim=48, max_position_embeddings=80)),
}
"""`model_type` -> an encoder that reads, for a tokenizer of so many tokens; that of XLM-R has rows without a token."""


def reader_folder(folder: Path, family: str, words: tuple[str, ...] = ()) -> PreTrainedModel:
    """Write a folder with the kind of tokenizer that the family has, its template for pairs included, and the marks
    that stand before, between and behind them."""
    inner = piece_tokenizer(words) if "bert" in family and "roberta" not in family else sentence_tokenizer(family)
    model = shaken(READERS[family](inner.get_vocab_size()))
    model.save_pretrained(folder)
    inner.save(str(folder / "tokenizer.json"))
    return model


def piece_tokenizer(words: tuple[str, ...]) -> Tokenizer:
    """WordPiece, as BERT and DistilBERT have."""
    known = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words]
    inner = Tokenizer(models.WordPiece({word: n for n, word in enumerate(known)}, unk_token="[UNK]"))  # noqa: S106
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    inner.add_special_tokens(known[:4])
    inner.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return inner


def sentence_tokenizer(family: str) -> Tokenizer:
    """ByteLevel BPE as RoBERTa, Unigram as XLM-R has."""
    marks = ("<s>", "<pad>", "</s>", "<unk>")
    if family == "roberta":
        inner = byte_tokenizer(marks)
        inner.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
        return inner
    inner = Tokenizer(models.Unigram())
    inner.pre_tokenizer, inner.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    inner.train_from_iterator(TEXTS, trainers.UnigramTrainer(
        vocab_size=120, special_tokens=list(marks), unk_token="<unk>", show_progress=False))  # noqa: S106
    inner.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    return inner
