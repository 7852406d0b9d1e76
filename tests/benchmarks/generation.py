"""The engine's continuous batching against Transformers' generate(), fp32, greedy, the same Llama-shaped weights."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM

from modeling.configs import DecoderConfig
from modeling.export import assemble
from modeling.inference import Request, SamplingParams
from modeling.inference.engine import LocalEngine
from modeling.models import Decoder
from modeling.text import Tokenizer
from tests.benchmarks.comparison import compare, processor

THREADS, TOKENS, ROUNDS = 2, 128, 5
CONFIG = DecoderConfig(vocabulary_size=8000, width=512, layers=8, heads=8, kv_heads=4, hidden=1408, context=256)


def peer_of(module: Decoder) -> Any:
    """The same network as Transformers knows it."""
    c = CONFIG
    peer = LlamaForCausalLM(LlamaConfig(
        vocab_size=c.vocabulary_size, hidden_size=c.width, intermediate_size=c.hidden, num_hidden_layers=c.layers,
        num_attention_heads=c.heads, num_key_value_heads=c.kv_heads, max_position_embeddings=c.context,
        rms_norm_eps=1e-5, rope_theta=c.theta, tie_word_embeddings=True, bos_token_id=2, eos_token_id=None,
        pad_token_id=0,
    ))  # fmt: skip
    own, state = module.state_dict(), {}
    state["model.embed_tokens.weight"] = state["lm_head.weight"] = own["embedding.weight"]
    state["model.norm.weight"] = own["norm.weight"]
    for i in range(c.layers):
        ours, theirs, size = f"layers.{i}.", f"model.layers.{i}.", c.width // c.heads
        parts = own[f"{ours}attention.qkv.weight"].split((c.width, c.kv_heads * size, c.kv_heads * size))
        state |= {f"{theirs}self_attn.{n}_proj.weight": part for n, part in zip("qkv", parts, strict=True)}
        state[f"{theirs}self_attn.o_proj.weight"] = own[f"{ours}attention.out.weight"]
        gate, up = own[f"{ours}feed_forward.gate_up.weight"].chunk(2)
        state |= {f"{theirs}mlp.gate_proj.weight": gate, f"{theirs}mlp.up_proj.weight": up,
                  f"{theirs}mlp.down_proj.weight": own[f"{ours}feed_forward.down.weight"],
                  f"{theirs}input_layernorm.weight": own[f"{ours}attention_norm.weight"],
                  f"{theirs}post_attention_layernorm.weight": own[f"{ours}feed_forward_norm.weight"]}  # fmt: skip
    peer.load_state_dict(state)
    return peer.eval()


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(THREADS)
    module = Decoder(CONFIG).eval()
    module.embedding.weight.data[3] = 0  # the end is never the best token: every answer has its full length
    tokenizer = Tokenizer.train(["a quick text to learn letters from"], vocabulary_size=300)
    ids, peer = tokenizer.encode("a quick text"), peer_of(module)
    prompt = torch.tensor([[2, *ids]])
    with torch.no_grad():
        torch.testing.assert_close(module(prompt), peer(prompt).logits, rtol=1e-3, atol=1e-3)
    print(f"{processor()}, {THREADS} threads, Transformers {transformers.__version__}, "
          f"{sum(p.numel() for p in module.parameters()) / 1e6:.0f} M parameters, {TOKENS} tokens each")  # fmt: skip
    print(f"{'answers at once':24} {'Parley':>9} {'peer':>9}   tokens a second, median ratio and spread")
    with tempfile.TemporaryDirectory() as folder:
        artifact = assemble(Path(folder) / "model", task="generation", model="decoder", config=CONFIG,
                            state=module.state_dict(), tokenizer=tokenizer)  # fmt: skip
        asyncio.run(_race(str(artifact.path), prompt, peer))


async def _race(artifact: str, prompt: torch.Tensor, peer: Any) -> None:
    request = Request(artifact=artifact, text="a quick text", sampling=SamplingParams(temperature=0, max_tokens=TOKENS))

    async def answer(engine: LocalEngine) -> int:
        return sum([len(chunk.token_ids) async for chunk in await engine.submit(request)])

    async def together(engine: LocalEngine, count: int) -> float:
        began = time.perf_counter()
        tokens = sum(await asyncio.gather(*(answer(engine) for _ in range(count))))
        return tokens / (time.perf_counter() - began)

    def generate(count: int) -> float:
        began = time.perf_counter()
        with torch.no_grad():
            out = peer.generate(prompt.repeat(count, 1), max_new_tokens=TOKENS, do_sample=False)
        return count * (out.shape[1] - prompt.shape[1]) / (time.perf_counter() - began)

    async with LocalEngine(threads=THREADS) as engine:
        loop = asyncio.get_running_loop()
        for count in (1, 4, 8, 16):
            await asyncio.to_thread(
                compare, str(count),
                lambda n=count: asyncio.run_coroutine_threadsafe(together(engine, n), loop).result(),
                lambda n=count: generate(n), rounds=ROUNDS,
            )  # fmt: skip
