"""Small models with random weights, exported for real, and an engine that serves them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer as HuggingFaceTokenizer
from tokenizers import models, pre_tokenizers

from modeling.configs import BertConfig, DecoderConfig, LSTMConfig, RecurrentLMConfig, TransformerConfig, VAEConfig
from modeling.export import assemble, export_lexrank
from modeling.inference import Chunk, Request, Stream
from modeling.inference.engine import LocalEngine
from modeling.inference.scheduler import Scheduler
from modeling.models import BertReader, Decoder, LSTMClassifier, RecurrentLM, SentenceVAE, Transformer
from modeling.retrieval import PassageIndex
from modeling.text import Tokenizer

TEXTS = ["The quick brown fox jumps over the lazy dog.", "Le renard brun saute par-dessus le chien.",
         "春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。", "How many words are there? Nobody knows."]


@pytest.fixture(scope="session")
def models_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(TEXTS, vocabulary_size=400, special_tokens=["<2en>", "<2fr>", "<2zh>"])


@pytest.fixture(scope="session")
def writer(models_folder: Path, tokenizer: Tokenizer) -> Path:
    """A language model with a context of 320 tokens."""
    torch.manual_seed(0)
    config = DecoderConfig(vocabulary_size=tokenizer.vocabulary_size, width=64, layers=2, heads=4, kv_heads=2,
                           hidden=96, context=320)
    module = Decoder(config)
    for parameter in module.parameters():
        parameter.data *= 3  # sharper choices than fresh weights make
    module.embedding.weight.data[tokenizer.eos_id] = 0  # never among the best 64: only limits end a text
    return assemble(models_folder / "writer", task="generation", model="decoder", config=config,
                    state=module.state_dict(), tokenizer=tokenizer).path


@pytest.fixture(scope="session")
def recurrent_writer(models_folder: Path, tokenizer: Tokenizer) -> Path:
    """An LSTM that read 16 tokens at a time in its training."""
    torch.manual_seed(4)
    config = RecurrentLMConfig(vocabulary_size=tokenizer.vocabulary_size, embedding=32, hidden=48, context=16)
    module = RecurrentLM(config)
    for parameter in module.parameters():
        parameter.data *= 4
    module.embedding.weight.data[tokenizer.eos_id] = 0
    return assemble(models_folder / "recurrent_writer", task="generation", model="lstm", config=config,
                    state=module.state_dict(), tokenizer=tokenizer).path


@pytest.fixture(scope="session")
def autoencoder(models_folder: Path, tokenizer: Tokenizer) -> Path:
    torch.manual_seed(5)
    config = VAEConfig(vocabulary_size=tokenizer.vocabulary_size, embedding=16, hidden=24, latent=6, context=24)
    module = SentenceVAE(config)
    for parameter in module.parameters():
        parameter.data *= 3
    return assemble(models_folder / "autoencoder", task="generation", model="vae", config=config,
                    state=module.state_dict(), tokenizer=tokenizer).path


@pytest.fixture(scope="session")
def translator(models_folder: Path, tokenizer: Tokenizer) -> Path:
    torch.manual_seed(1)
    config = TransformerConfig(vocabulary_size=tokenizer.vocabulary_size, width=64, encoder_layers=2, decoder_layers=2,
                               heads=4, hidden=96, context=96, directions=("en-fr", "fr-en", "en-zh"))
    module = Transformer(config)
    for parameter in module.parameters():
        parameter.data *= 3
    return assemble(models_folder / "translator", task="translation", model="transformer", config=config,
                    state=module.state_dict(), tokenizer=tokenizer).path


@pytest.fixture(scope="session")
def classifier(models_folder: Path, tokenizer: Tokenizer) -> Path:
    torch.manual_seed(2)
    config = LSTMConfig(vocabulary_size=tokenizer.vocabulary_size, embedding=16, hidden=16, length=32, labels=3)
    return assemble(models_folder / "classifier", task="classification", model="lstm", config=config,
                    state=LSTMClassifier(config).state_dict(), tokenizer=tokenizer, labels=["a", "b", "c"]).path


@pytest.fixture(scope="session")
def reader(models_folder: Path) -> Path:
    torch.manual_seed(3)
    words = sorted({word for text in TEXTS for word in text.lower().replace(".", " .").replace("?", " ?").split()})
    vocabulary = {token: index for index, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    inner = HuggingFaceTokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    config = BertConfig(vocabulary_size=len(vocabulary), width=32, layers=2, heads=4, hidden=64, positions=64,
                        window=32, stride=8)
    return assemble(models_folder / "reader", task="question-answering", model="bert", config=config,
                    state=BertReader(config).state_dict(), tokenizer=Tokenizer(inner)).path


@pytest.fixture(scope="session")
def summariser(models_folder: Path) -> Path:
    return export_lexrank(models_folder / "summariser").path


@pytest.fixture(scope="session")
def documents(models_folder: Path) -> Path:
    index = PassageIndex.build([("animals.txt", "Animals", " ".join(TEXTS[:2] * 6)), ("words.txt", "Words", TEXTS[3])])
    index.save(models_folder / "index")
    return models_folder / "index"


@pytest.fixture
async def engine() -> AsyncIterator[LocalEngine]:
    async with LocalEngine(threads=1) as running:
        yield running


@pytest.fixture
def ask(engine: LocalEngine) -> Callable[[Request], Awaitable[list[Chunk]]]:
    """Submit a request and collect its chunks."""

    async def submit(request: Request) -> list[Chunk]:
        return await collected(await engine.submit(request))

    return submit


@pytest.fixture
def collect() -> Callable[[Stream], Awaitable[list[Chunk]]]:
    return collected


async def collected(stream: Stream) -> list[Chunk]:
    """All chunks of a stream; fails rather than waiting for ever."""
    async with asyncio.timeout(30):
        return [chunk async for chunk in stream]


@pytest.fixture
def drive() -> Callable[[Scheduler[Any, Any, Any], list[Request]], list[list[Chunk]]]:
    """Let a scheduler work off requests that arrive together, without threads: the same steps every time."""

    def work(scheduler: Scheduler[Any, Any, Any], requests: list[Request]) -> list[list[Chunk]]:
        answers: list[list[Chunk]] = [[] for _ in requests]
        for request, chunks in zip(requests, answers, strict=True):
            job = scheduler.prepare(request)
            job.emit = chunks.append
            scheduler.add(job)
        while scheduler.step():
            pass
        return answers

    return work
