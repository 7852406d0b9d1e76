"""From the folders of Llama, Mistral, Qwen2, Qwen3 and GPT-2 to CausalConfig and the weights of Causal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from modeling.configs import CausalConfig
from modeling.errors import ConfigError
from modeling.models.folder import Folder, read_json
from modeling.text import Tokenizer

FAMILIES = ("gpt2", "llama", "mistral", "qwen2", "qwen3")
LONGEST = 32_768
"""Tokens of context at most, whatever a model can span."""
CONTEXT = 2048
"""Tokens of context where nobody asks for more: the memory of keys and values grows with it."""


def config_of(folder: Folder, tokens: int, context: int | None = None) -> CausalConfig:
    """For a tokenizer of so many tokens. Raises ConfigError for a family or a part that is not known."""
    if folder.family not in FAMILIES:
        raise ConfigError(f"{folder.path.name} is a {folder.family!r} model", remedy="Choose one of these families",
                          allowed=f"known are {', '.join(FAMILIES)}")
    most = _longest(folder)
    if context is not None and context > most:
        raise ConfigError(f"context is {context}", allowed=f"{folder.path.name} takes up to {most} tokens",
                          field="context")
    sizes = _gpt2(folder) if folder.family == "gpt2" else _llama(folder)
    if tokens > sizes["vocabulary_size"]:
        raise ConfigError(f"the tokenizer of {folder.path.name} has {tokens} tokens, its embeddings "
                          f"{sizes['vocabulary_size']} rows", allowed="a row for each token",
                          remedy="Save it again after model.resize_token_embeddings(len(tokenizer))")
    return CausalConfig(**sizes | {"vocabulary_size": tokens}, longest=most, context=context or min(most, CONTEXT))


def _longest(folder: Folder) -> int:
    """Tokens that attention may span: beyond a sliding window ours would see what theirs does not."""
    if folder.family == "gpt2":
        return int(folder.number("n_positions"))
    most = int(folder.number("max_position_embeddings"))
    windowed = folder.family == "mistral" or folder.config.get("use_sliding_window", False)
    window = folder.config.get("sliding_window") if windowed else None
    return min(most, LONGEST, int(window or most))


def _llama(folder: Folder) -> dict[str, Any]:
    folder.text("hidden_act", ("silu",), "silu")
    folder.refuse(mlp_bias=False, partial_rotary_factor=1.0)
    if folder.family in ("llama", "mistral", "qwen3"):
        folder.refuse(attention_bias=False)
    heads, width = folder.number("num_attention_heads"), folder.number("hidden_size")
    return {
        "vocabulary_size": folder.number("vocab_size"), "width": width, "layers": folder.number("num_hidden_layers"),
        "heads": heads, "kv_heads": folder.number("num_key_value_heads", heads),
        "head_size": folder.number("head_dim", width // heads), "hidden": folder.number("intermediate_size"),
        "epsilon": folder.number("rms_norm_eps", 1e-6), "biases": "qkv" if folder.family == "qwen2" else "none",
        "qk_norm": folder.family == "qwen3", "tied": bool(folder.config.get("tie_word_embeddings", False)),
        **_rotary(folder),
    }


def _rotary(folder: Folder) -> dict[str, Any]:
    """`rope_parameters` of transformers 5, or `rope_theta` and `rope_scaling` of those before."""
    given = folder.config.get("rope_parameters") or folder.config.get("rope_scaling") or {}
    theta = float(given.get("rope_theta", folder.number("rope_theta", 10_000.0)))
    kind = given.get("rope_type", given.get("type", "default"))
    if kind == "default":
        return {"theta": theta}
    if kind == "linear":
        return {"theta": theta, "scaling": "linear", "factor": float(given["factor"])}
    if kind == "llama3":
        return {"theta": theta, "scaling": "llama3", "factor": float(given["factor"]),
                "low_factor": float(given["low_freq_factor"]), "high_factor": float(given["high_freq_factor"]),
                "original_context": int(given["original_max_position_embeddings"])}
    raise ConfigError(f"{folder.path.name} stretches its positions by {kind!r}", allowed="known are linear and llama3")


def _gpt2(folder: Folder) -> dict[str, Any]:
    folder.refuse(scale_attn_weights=True, scale_attn_by_inverse_layer_idx=False, add_cross_attention=False)
    activation = folder.text("activation_function", ("gelu_new", "gelu_pytorch_tanh", "gelu"), "gelu_new")
    width, heads = folder.number("n_embd"), folder.number("n_head")
    return {
        "vocabulary_size": folder.number("vocab_size"), "width": width, "layers": folder.number("n_layer"),
        "heads": heads, "kv_heads": heads, "head_size": width // heads,
        "hidden": folder.number("n_inner", 4 * width), "norm": "layer",
        "epsilon": folder.number("layer_norm_epsilon", 1e-5), "positions": "learned",
        "learned_positions": folder.number("n_positions"), "biases": "all",
        "activation": "gelu" if activation == "gelu" else "gelu_tanh",
        "tied": bool(folder.config.get("tie_word_embeddings", True)),
    }


def weights_of(folder: Folder, config: CausalConfig) -> dict[str, Tensor]:
    """The state dictionary of Causal."""
    theirs = {name.removeprefix("model.").removeprefix("transformer."): tensor
              for name, tensor in folder.weights().items()}
    try:
        ours = _gpt2_weights(theirs, config) if folder.family == "gpt2" else _llama_weights(theirs, config)
        if not config.tied:
            ours["head.weight"] = theirs["lm_head.weight"]
    except KeyError as error:
        raise ConfigError(f"{folder.path.name} lacks the weights {error.args[0]}",
                          remedy="Download it again, or save it again") from None
    for name in {"embedding.weight", "head.weight"} & set(ours):  # rows without a token fill up the matrix
        ours[name] = ours[name][: config.vocabulary_size]
    return ours


def _packed(parts: Iterable[Tensor]) -> Tensor:
    return torch.cat(tuple(parts))


def _llama_weights(theirs: dict[str, Tensor], config: CausalConfig) -> dict[str, Tensor]:
    ours = {"embedding.weight": theirs["embed_tokens.weight"], "norm.weight": theirs["norm.weight"]}
    for layer in range(config.layers):
        prefix = f"layers.{layer}."
        for kind in ("weight", "bias") if config.biases == "qkv" else ("weight",):
            ours[f"{prefix}attention.qkv.{kind}"] = _packed(theirs[f"{prefix}self_attn.{p}_proj.{kind}"] for p in "qkv")
        names = {"attention_norm": "input_layernorm", "feed_forward_norm": "post_attention_layernorm",
                 "attention.out": "self_attn.o_proj", "feed_forward.down": "mlp.down_proj"}
        if config.qk_norm:
            names |= {f"attention.{p}_norm": f"self_attn.{p}_norm" for p in "qk"}
        ours |= {f"{prefix}{own}.weight": theirs[f"{prefix}{name}.weight"] for own, name in names.items()}
        ours[f"{prefix}feed_forward.gate_up.weight"] = _packed(
            theirs[f"{prefix}mlp.{p}_proj.weight"] for p in ("gate", "up"))
    return ours


def _gpt2_weights(theirs: dict[str, Tensor], config: CausalConfig) -> dict[str, Tensor]:
    ours = {"embedding.weight": theirs["wte.weight"], "positions.weight": theirs["wpe.weight"]}
    linear = {"attention.qkv": "attn.c_attn", "attention.out": "attn.c_proj", "feed_forward.up": "mlp.c_fc",
              "feed_forward.down": "mlp.c_proj"}
    for kind in ("weight", "bias"):
        ours[f"norm.{kind}"] = theirs[f"ln_f.{kind}"]
        for layer in range(config.layers):
            for own, name in {"attention_norm": "ln_1", "feed_forward_norm": "ln_2", **linear}.items():
                tensor = theirs[f"h.{layer}.{name}.{kind}"]  # Conv1D keeps its matrices the other way round
                ours[f"layers.{layer}.{own}.{kind}"] = tensor.T if tensor.dim() > 1 else tensor
    return ours


def chat_of(path: Path, tokenizer: Tokenizer) -> dict[str, Any]:
    """What serving has to know of a folder: what stands before a text, what ends one, the template of conversations."""
    given = {name: read_json(path / f"{name}.json") if (path / f"{name}.json").is_file() else {}
             for name in ("config", "generation_config", "tokenizer_config", "chat_template")}
    tokens = {name: _written(given["tokenizer_config"].get(name)) for name in ("bos_token", "eos_token")}
    start = tokenizer.prefix()
    if given["tokenizer_config"].get("add_bos_token") and not start:
        start = [index for index in (tokenizer.token_id(tokens["bos_token"]),) if index is not None]
    ends = [*_listed(given["generation_config"].get("eos_token_id")), *_listed(given["config"].get("eos_token_id"))]
    if (index := tokenizer.token_id(tokens["eos_token"])) is not None:
        ends.append(index)
    known = [index for index in dict.fromkeys(ends) if 0 <= index < tokenizer.vocabulary_size]
    return {"start": start, "ends": known, "template": _template(path, given),
            "tokens": {name: text for name, text in tokens.items() if text}}


def _template(path: Path, given: Mapping[str, Mapping[str, Any]]) -> str:
    if (path / "chat_template.jinja").is_file():
        return (path / "chat_template.jinja").read_text("utf-8", "replace")
    found = given["chat_template"].get("chat_template") or given["tokenizer_config"].get("chat_template") or ""
    if isinstance(found, list):  # several by name
        found = next((entry.get("template", "") for entry in found if entry.get("name") == "default"), "")
    return str(found)


def _written(token: Any) -> str:
    return str(token.get("content", "")) if isinstance(token, dict) else str(token or "")


def _listed(ids: Any) -> list[int]:
    return [index for index in (ids if isinstance(ids, list) else [ids]) if isinstance(index, int)]
