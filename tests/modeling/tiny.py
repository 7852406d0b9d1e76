"""For every model that can be trained: rows, settings and a question with which it learns and answers in seconds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from transformers import BertConfig, BertModel

from modeling.embeddings import Vectors, save_vectors
from modeling.text import Preprocessing
from tests.modeling.folders import causal_folder

WORDS = ("red", "blue", "green", "stone", "river", "cloud", "apple", "house", "seven", "winter")
Rows = Sequence[Mapping[str, Any]]
EVERY_STEP = Preprocessing(
    html=True, unicode=True, urls="replace", emails="replace", numbers="replace", simplified=True, lowercase=True,
    accents=True, words=("New York", "量子糾纏態"), segment=True, stop_words=("en", "zh"), stop_added=("mail",),
    stop_kept=("not",), ngrams=2,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiny:
    """What a training of seconds is given."""

    rows: Rows
    settings: Mapping[str, Any]
    question: Mapping[str, Any]
    """Fields of the engine's Request beside the artifact."""
    parent: Callable[[Path], Path] | None = None
    """Makes the trained weights to start from, in an empty folder."""
    vectors: bool = False
    """Whether it is made on word vectors."""
    common: Mapping[str, Any] = field(default_factory=lambda: {"steps": 12, "precision": "fp32", "threads": 1,
                                                               "evaluations": 2, "patience": 0, "batch_tokens": 256})


LABELLED = [{"text": f"{a} {b} {c}", "label": "warm" if "red" in (a, b, c) else "cold"}
            for a in WORDS for b in WORDS for c in WORDS[:3]]
TEXTS = [{"text": f"{a} {b} {a}"} for a in WORDS for b in WORDS]
PAIRS = [{"source": f"{a} {b}", "target": f"{b.upper()} {a.upper()}", "source_language": "en", "target_language": "fr"}
         for a in WORDS for b in WORDS if a != b]
SUMMARIES = [{"text": f"{a} {b} {a} {c} {a}", "summary": f"{a} {c}"} for a in WORDS for b in WORDS for c in WORDS[:3]]
QUESTIONS = [
    {"id": f"{a}-{b}-{side}", "title": a, "context": f"the {a} stands on the {b}", "question": question,
     "answers": [{"text": answer, "start": f"the {a} stands on the {b}".rindex(answer)}]}
    for a in WORDS for b in WORDS if a != b
    for side, question, answer in (("what", "what stands there", a), ("where", "on what", b))
]


def bert_folder(folder: Path) -> Path:
    """A Hugging Face BERT with random weights that knows the words above."""
    known = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS, "the", "stands", "on", "what", "there"]
    (folder / "tokenizer.json").write_text(json.dumps({
        "version": "1.0", "added_tokens": [], "normalizer": None, "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None, "decoder": None, "truncation": None, "padding": None,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 50, "vocab": {word: index for index, word in enumerate(known)}}}))
    sizes = BertConfig(vocab_size=len(known), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
                       intermediate_size=64, max_position_embeddings=160)
    BertModel(sizes).save_pretrained(folder)
    return folder


def llama_folder(folder: Path) -> Path:
    """A Hugging Face Llama with random weights."""
    causal_folder(folder)
    return folder


def vectors_folder(folder: Path) -> Path:
    """Random vectors of the words above."""
    drawn = np.random.default_rng(0).normal(size=(len(WORDS), 8)).astype(np.float32)
    return save_vectors(Vectors(WORDS, drawn), folder / "vectors")


TINY: dict[tuple[str, str], Tiny] = {
    ("question-answering", "bert"): Tiny(
        rows=QUESTIONS, settings={"window": 96, "stride": 8}, question={"text": "on what"}, parent=bert_folder),
    ("question-answering", "dual"): Tiny(
        rows=QUESTIONS, settings={"length": 24}, question={"text": "the red stands"}, parent=bert_folder),
    ("question-answering", "qanet"): Tiny(
        rows=QUESTIONS, question={"text": "on what"},
        settings={"width": 16, "heads": 2, "hidden": 24, "blocks": 1, "window": 96, "stride": 8, "tokenizer": "words",
                  "vocabulary_size": 64}),
    ("question-answering", "transformer"): Tiny(
        rows=QUESTIONS, question={"text": "on what"},
        settings={"width": 16, "heads": 2, "hidden": 24, "layers": 1, "window": 96, "stride": 8,
                  "vocabulary_size": 420}),
    ("translation", "transformer"): Tiny(
        rows=PAIRS, question={"text": "red blue", "target_language": "fr"},
        settings={"width": 32, "encoder_layers": 1, "decoder_layers": 1, "heads": 2, "hidden": 48, "context": 24,
                  "vocabulary_size": 420, "beam": 2}),
    ("translation", "rnn"): Tiny(
        rows=PAIRS, question={"text": "red blue", "target_language": "fr"},
        settings={"embedding": 16, "hidden": 16, "context": 24, "vocabulary_size": 420, "beam": 2, "cell": "lstm",
                  "input_feeding": True, "shared_vocabulary": False, "tied": False}),
    ("summarisation", "pointer"): Tiny(
        rows=SUMMARIES, question={"text": "red blue green"},
        settings={"embedding": 16, "hidden": 16, "context": 40, "target_context": 16,
                  "vocabulary_size": 420, "beam": 2}),
    ("summarisation", "transformer"): Tiny(
        rows=SUMMARIES, question={"text": "red blue green"},
        settings={"width": 32, "encoder_layers": 1, "decoder_layers": 1, "heads": 2, "hidden": 48, "context": 40,
                  "target_context": 16, "vocabulary_size": 420, "beam": 2}),
    ("summarisation", "lexrank"): Tiny(
        rows=[{"text": f"{row['text']}. {row['summary']} winter seven. {row['text']} stone."} for row in SUMMARIES],
        settings={}, common={"threads": 1}, vectors=True,
        question={"text": "Red blue green stone. A blue river. Green clouds, seven of them."}),
    ("classification", "lstm"): Tiny(
        rows=LABELLED, question={"text": "red stone"},
        settings={"hidden": 16, "embedding": 16, "vocabulary_size": 300, "tokenizer": "words"}),
    ("generation", "lstm"): Tiny(
        rows=TEXTS, question={"text": "red"},
        settings={"embedding": 16, "hidden": 24, "layers": 2, "context": 32, "tokenizer": "characters",
                  "vocabulary_size": 60}),
    ("classification", "bag"): Tiny(
        rows=LABELLED, question={"text": "red stone"},
        settings={"embedding": 8, "vocabulary_size": 300, "buckets": 50, "ngrams": 3}),
    ("classification", "cnn"): Tiny(
        rows=LABELLED, question={"text": "red stone"},
        settings={"embedding": 8, "filters": 6, "widths": (1, 2, 4), "vocabulary_size": 300}),
    ("classification", "transformer"): Tiny(
        rows=LABELLED, question={"text": "red stone"},
        settings={"width": 32, "heads": 2, "layers": 1, "hidden": 32, "vocabulary_size": 300, "tokenizer": "words",
                  "pooling": "first"}),
    ("classification", "bert"): Tiny(
        rows=LABELLED, question={"text": "red stone"}, settings={"length": 16}, parent=bert_folder),
    ("generation", "causal"): Tiny(
        rows=[{"instruction": f"{a} {b}", "response": f"{b} {a}"} for a in WORDS for b in WORDS],
        question={"text": "red blue", "history": ("blue stone", "stone blue")}, parent=llama_folder,
        settings={"context": 64, "lora_rank": 2}),
    ("generation", "ngram"): Tiny(
        rows=TEXTS, question={"text": "red"}, common={"threads": 1},
        settings={"order": 4, "tokenizer": "characters", "vocabulary_size": 60}),
    ("generation", "vae"): Tiny(
        rows=TEXTS, question={"text": "red blue red"},
        settings={"embedding": 16, "hidden": 24, "latent": 4, "context": 20, "tokenizer": "characters",
                  "vocabulary_size": 60}),
    ("generation", "decoder"): Tiny(
        rows=TEXTS, question={"text": "red"},
        settings={"width": 32, "layers": 1, "heads": 2, "kv_heads": 1, "hidden": 48, "context": 32,
                  "tokenizer": "characters", "vocabulary_size": 60}),
}
"""(task, model) -> its tiny training."""
