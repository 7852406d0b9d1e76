"""Greedy generation by the engine and by Transformers: one decoder, the same weights, fp32, the same threads.

Tokens a second of one request and of eight at once, prompts included. Before anything is timed both must have said
the same.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import torch
import transformers
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from modeling.export.package import assemble
from modeling.inference import Request, SamplingParams
from modeling.inference.engine import LocalEngine
from modeling.models.decoder import Decoder, DecoderConfig
from modeling.text import Tokenizer
from tests.benchmarks.comparison import compare, head, read_bandwidth

ROOT = Path(__file__).resolve().parents[2]
PROMPT, ANSWER = 24, 96  # tokens
THREADS = min(2, os.cpu_count() or 1)


def main() -> None:
    """Print the table."""
    torch.manual_seed(0)
    torch.set_grad_enabled(False)
    torch.set_num_threads(THREADS)
    texts = [path.read_text() for path in sorted(ROOT.glob("modeling/starters/documents/*.md"))]
    tokenizer = Tokenizer.train(texts, vocabulary_size=3000)
    network = Decoder(DecoderConfig(vocabulary_size=tokenizer.vocabulary_size, width=512, layers=8, heads=8, kv_heads=4,
                                    hidden=1408, context=256)).eval()
    network.embedding.weight[:4] = 0  # no special token is ever the best: every answer has its full length
    with tempfile.TemporaryDirectory() as folder:
        artifact = Path(folder) / "decoder"
        assemble(artifact, task="generation", model="decoder", config=network.config, state=network.state_dict(),
                 tokenizer=tokenizer)
        asyncio.run(measure(str(artifact), texts, tokenizer, peer_of(network)))


async def measure(artifact: str, texts: list[str], tokenizer: Tokenizer, peer: LlamaForCausalLM) -> None:
    """Compare at one row and at eight."""
    prompts = [tokenizer.decode(tokenizer.encode(text)[100 : 100 + PROMPT]) for text in texts[:8]]
    loop = asyncio.get_running_loop()
    async with LocalEngine(threads=THREADS) as engine:
        def ours(rows: int) -> tuple[list[tuple[int, ...]], float]:
            return asyncio.run_coroutine_threadsafe(generate(engine, artifact, prompts[:rows]), loop).result()

        def theirs(rows: int) -> tuple[list[tuple[int, ...]], float]:
            return peer_generates(peer, [tokenizer.encode(prompt) for prompt in prompts[:rows]])

        await asyncio.to_thread(report, ours, theirs, sum(p.numel() for p in peer.parameters()) * 4)


def report(ours, theirs, weight_bytes: int) -> None:  # noqa: ANN001 - two functions of a number of rows
    """Check that both say the same, then print the rows."""
    if ours(1)[0] != theirs(1)[0]:
        raise SystemExit("The two do not say the same: nothing to compare.")
    limit = f"{read_bandwidth() / weight_bytes:,.0f} tokens/s with one thread's bandwidth"
    print(head(f"Transformers {transformers.__version__}"))
    for rows in (1, 8):
        title = f"{rows} at once, {PROMPT} + {ANSWER} tokens each, {THREADS} threads"
        print(compare(title, ours=lambda n=rows: ours(n)[1], peer=lambda n=rows: theirs(n)[1], unit="tokens/s",
                      limit=limit if rows == 1 else ""))


async def generate(engine: LocalEngine, artifact: str, prompts: list[str]) -> tuple[list[tuple[int, ...]], float]:
    """The token ids of each answer, and tokens a second."""
    sampling = SamplingParams(temperature=0, max_tokens=ANSWER)
    began = time.perf_counter()

    async def one(prompt: str) -> tuple[int, ...]:
        stream = await engine.submit(Request(artifact=artifact, text=prompt, sampling=sampling))
        return tuple([token async for chunk in stream for token in chunk.token_ids])

    answers = await asyncio.gather(*map(one, prompts))
    return answers, sum(map(len, answers)) / (time.perf_counter() - began)


def peer_generates(peer: LlamaForCausalLM, prompts: list[list[int]]) -> tuple[list[tuple[int, ...]], float]:
    """The same, by Transformers in one batch; shorter prompts are padded on the left."""
    longest = max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    began = time.perf_counter()
    out = peer.generate(ids, attention_mask=mask, do_sample=False, max_new_tokens=ANSWER, min_new_tokens=ANSWER,
                        eos_token_id=None, pad_token_id=0)
    answers = [tuple(row) for row in out[:, longest:].tolist()]
    return answers, sum(map(len, answers)) / (time.perf_counter() - began)


def peer_of(network: Decoder) -> LlamaForCausalLM:
    """Transformers' Llama with the network's weights."""
    config = asdict(network.config)
    peer = LlamaForCausalLM(LlamaConfig(
        vocab_size=config["vocabulary_size"], hidden_size=config["width"], intermediate_size=config["hidden"],
        num_hidden_layers=config["layers"], num_attention_heads=config["heads"], num_key_value_heads=config["kv_heads"],
        max_position_embeddings=config["context"], rms_norm_eps=1e-5, tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": config["theta"]},
    )).eval()
    peer.load_state_dict(dict(_renamed(network.state_dict(), config)), strict=False)
    peer.tie_weights()
    return peer


def _renamed(state: dict[str, Tensor], config: dict[str, int]) -> list[tuple[str, Tensor]]:
    key_rows = config["width"] // config["heads"] * config["kv_heads"]
    found = [("model.embed_tokens.weight", state["embedding.weight"]), ("model.norm.weight", state["norm.weight"])]
    for i in range(config["layers"]):
        layer = {name: state[f"layers.{i}.{name}.weight"] for name in (
            "attention_norm", "attention.qkv", "attention.out", "feed_forward_norm", "feed_forward.gate_up",
            "feed_forward.down")}
        q, k, v = layer["attention.qkv"].split([config["width"], key_rows, key_rows])
        gate, up = layer["feed_forward.gate_up"].chunk(2)
        found += [(f"model.layers.{i}.{name}.weight", tensor) for name, tensor in (
            ("input_layernorm", layer["attention_norm"]), ("post_attention_layernorm", layer["feed_forward_norm"]),
            ("self_attn.q_proj", q), ("self_attn.k_proj", k), ("self_attn.v_proj", v),
            ("self_attn.o_proj", layer["attention.out"]), ("mlp.gate_proj", gate), ("mlp.up_proj", up),
            ("mlp.down_proj", layer["feed_forward.down"]))]
    return found
