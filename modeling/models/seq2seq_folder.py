"""From the folders of BART, Marian and T5 to their configurations and the weights of our networks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from modeling.configs.bart import BartConfig
from modeling.configs.t5 import T5Config
from modeling.errors import ConfigError
from modeling.models.folder import Folder

CONTEXT = 512
"""Tokens of a source, and of a target, where nobody asks for more."""
ACTIVATIONS = {"gelu": "gelu", "gelu_new": "gelu_tanh", "swish": "silu", "silu": "silu", "relu": "relu"}
ATTENTION = {"self_attn": "attention", "encoder_attn": "cross_attention"}
BART_NORMS = {"self_attn_layer_norm": "attention_norm", "encoder_attn_layer_norm": "cross_norm",
              "final_layer_norm": "feed_forward_norm"}


def bart_config(folder: Folder, context: int | None, directions: tuple[str, ...]) -> BartConfig:
    """Raises ConfigError for a part that the network does not have."""
    folder.refuse(normalize_before=False, add_final_layer_norm=False, static_position_embeddings=True,
                  share_encoder_decoder_embeddings=True, normalize_embedding=folder.family == "bart")
    same = {side: (folder.number(f"{side}_attention_heads"), folder.number(f"{side}_ffn_dim"))
            for side in ("encoder", "decoder")}
    if same["encoder"] != same["decoder"]:
        raise ConfigError(f"{folder.path.name} has {same['encoder']} heads and inner size in its encoder, "
                          f"{same['decoder']} in its decoder", allowed="the same in both")
    width, most = folder.number("d_model"), int(folder.number("max_position_embeddings", 1024))
    length = _length(folder, context, most)
    return BartConfig(
        vocabulary_size=folder.number("vocab_size"), width=width, encoder_layers=folder.number("encoder_layers"),
        decoder_layers=folder.number("decoder_layers"), heads=same["encoder"][0], hidden=same["encoder"][1],
        context=length, target_context=length, directions=directions, embedding_norm=folder.family == "bart",
        activation=ACTIVATIONS[folder.text("activation_function", tuple(ACTIVATIONS), "gelu")],  # type: ignore[arg-type]
        scale=math.sqrt(width) if folder.config.get("scale_embedding") else 1.0)


def _length(folder: Folder, context: int | None, most: int) -> int:
    if context is not None and context > most:
        raise ConfigError(f"context is {context}", allowed=f"{folder.path.name} takes up to {most} tokens",
                          field="context")
    return context or min(most, CONTEXT)


def bart_weights(folder: Folder, config: BartConfig) -> dict[str, Tensor]:
    """The state dictionary of Bart."""
    theirs = {name.removeprefix("model."): tensor for name, tensor in folder.weights().items()}
    shared = next((theirs[name] for name in ("shared.weight", "encoder.embed_tokens.weight", "lm_head.weight")
                   if name in theirs), None)
    if shared is None:
        raise ConfigError(f"{folder.path.name} lacks the weights shared.weight", remedy="Download it again")
    bias = theirs.get("final_logits_bias", torch.zeros(config.vocabulary_size))
    ours = {"embedding.weight": shared, "head_bias": bias.flatten()}
    for side, length in (("encoder", config.context), ("decoder", config.target_context)):
        ours[f"{side}.positions.weight"] = _positions(folder, theirs.get(f"{side}.embed_positions.weight"),
                                                      length, config.width)
    for name, tensor in theirs.items():
        side, _, rest = name.partition(".")
        if side in ("encoder", "decoder") and (own := _bart_name(rest, theirs, side)):
            ours[f"{side}.{own}"] = _bart_tensor(rest, tensor, theirs, side)
    return ours


def _positions(folder: Folder, table: Tensor | None, length: int, width: int) -> Tensor:
    """BART's table begins two rows late; Marian's is sines and then cosines."""
    if folder.family == "bart":
        if table is None:
            raise ConfigError(f"{folder.path.name} lacks its positions", remedy="Download it again")
        return table[2 : 2 + length]
    if table is not None:
        return table[:length]
    frequencies = 10_000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    angles = torch.outer(torch.arange(length, dtype=torch.float64), frequencies)
    return torch.cat((angles.sin(), angles.cos()), dim=1).float()


def _bart_name(rest: str, theirs: Mapping[str, Tensor], side: str) -> str:
    """Our name of a tensor; "" for what is packed with another one, or made anew."""
    kind = rest.rpartition(".")[2]
    if rest.startswith("layernorm_embedding."):
        return f"norm.{kind}"
    if not rest.startswith("layers."):
        return ""
    _, layer, part, *deeper = rest.split(".")
    if part in BART_NORMS:
        return f"layers.{layer}.{BART_NORMS[part]}.{kind}"
    if part in ATTENTION:
        packed = {"q_proj": "qkv" if part == "self_attn" else "q", "out_proj": "out",
                  "k_proj": "" if part == "self_attn" else "kv", "v_proj": ""}[deeper[0]]
        return f"layers.{layer}.{ATTENTION[part]}.{packed}.{kind}" if packed else ""
    return f"layers.{layer}.feed_forward.{ {'fc1': 'up', 'fc2': 'down'}[part] }.{kind}"


def _bart_tensor(rest: str, tensor: Tensor, theirs: Mapping[str, Tensor], side: str) -> Tensor:
    """Queries, keys and values packed in this order."""
    parts = {"self_attn.q_proj": "qkv", "encoder_attn.k_proj": "kv"}
    found = next((name for name in parts if name in rest), None)
    if found is None:
        return tensor
    names = [f"{side}.{rest}".replace(f".{found[-6]}_proj", f".{part}_proj") for part in parts[found]]
    return torch.cat([theirs[name] for name in names])


def t5_config(folder: Folder, context: int | None, directions: tuple[str, ...]) -> T5Config:
    """Raises ConfigError for a part that the network does not have."""
    kind = folder.text("feed_forward_proj", ("relu", "gated-gelu"), "relu")
    length, tied = _length(folder, context, 4096), folder.config.get("tie_word_embeddings", True) is not False
    return T5Config(
        vocabulary_size=folder.number("vocab_size"), width=folder.number("d_model"),
        encoder_layers=folder.number("num_layers"), heads=folder.number("num_heads"),
        decoder_layers=folder.number("num_decoder_layers", folder.number("num_layers")),
        head_size=folder.number("d_kv"), hidden=folder.number("d_ff"), context=length, target_context=length,
        activation="relu" if kind == "relu" else "gated_gelu", epsilon=folder.number("layer_norm_epsilon", 1e-6),
        scaled=bool(folder.config.get("scale_decoder_outputs", tied)), directions=directions,
        tied="lm_head.weight" not in folder.places or (tied and "scale_decoder_outputs" not in folder.config))


def t5_weights(folder: Folder, config: T5Config) -> dict[str, Tensor]:
    """The state dictionary of T5."""
    theirs = folder.weights()
    try:
        ours = {"embedding.weight": theirs.get("shared.weight", theirs.get("encoder.embed_tokens.weight"))}
        if not config.tied:
            ours["head.weight"] = theirs["lm_head.weight"]
        for side, layers in (("encoder", config.encoder_layers), ("decoder", config.decoder_layers)):
            ours[f"{side}.norm.weight"] = theirs[f"{side}.final_layer_norm.weight"]
            ours[f"{side}.bias.weight"] = _by_distance(folder, theirs, side, config)
            for layer in range(layers):
                ours |= _t5_layer(theirs, f"{side}.block.{layer}.layer", f"{side}.layers.{layer}",
                                  cross=side == "decoder", gated=config.activation == "gated_gelu")
    except KeyError as error:
        raise ConfigError(f"{folder.path.name} lacks the weights {error.args[0]}", remedy="Download it again") from None
    if ours["embedding.weight"] is None:
        raise ConfigError(f"{folder.path.name} lacks the weights shared.weight", remedy="Download it again")
    return ours  # type: ignore[return-value]


def _t5_layer(theirs: Mapping[str, Tensor], block: str, own: str, *, cross: bool, gated: bool) -> dict[str, Any]:
    found = {f"{own}.attention_norm.weight": theirs[f"{block}.0.layer_norm.weight"],
             f"{own}.attention.out.weight": theirs[f"{block}.0.SelfAttention.o.weight"],
             f"{own}.attention.qkv.weight": torch.cat([theirs[f"{block}.0.SelfAttention.{p}.weight"] for p in "qkv"])}
    if cross:
        name = f"{block}.1.EncDecAttention"
        found |= {f"{own}.cross_norm.weight": theirs[f"{block}.1.layer_norm.weight"],
                  f"{own}.cross_attention.q.weight": theirs[f"{name}.q.weight"],
                  f"{own}.cross_attention.kv.weight": torch.cat([theirs[f"{name}.{p}.weight"] for p in "kv"]),
                  f"{own}.cross_attention.out.weight": theirs[f"{name}.o.weight"]}
    last = f"{block}.{2 if cross else 1}"
    up = ("wi_0", "wi_1") if gated else ("wi",)
    return found | {
        f"{own}.feed_forward_norm.weight": theirs[f"{last}.layer_norm.weight"],
        f"{own}.feed_forward.up.weight": torch.cat([theirs[f"{last}.DenseReluDense.{p}.weight"] for p in up]),
        f"{own}.feed_forward.down.weight": theirs[f"{last}.DenseReluDense.wo.weight"]}


def _by_distance(folder: Folder, theirs: Mapping[str, Tensor], side: str, config: T5Config) -> Tensor:
    """The bias of each distance query - key, from -(context - 1) on in the encoder, from 0 on in the decoder."""
    table = theirs[f"{side}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"]  # (buckets, H)
    furthest = int(folder.number("relative_attention_max_distance", 128))
    if side == "decoder":
        return table[_bucket(torch.arange(config.target_context), len(table), furthest)]
    distances = torch.arange(1 - config.context, config.context)
    half = len(table) // 2
    return table[_bucket(distances.abs(), half, furthest) + half * (distances < 0)]


def _bucket(distance: Tensor, buckets: int, furthest: int) -> Tensor:
    """Near distances have a bucket each, far ones share them by their logarithm (Raffel et al. 2020, 2.1)."""
    exact = buckets // 2
    far = exact + (torch.log(distance.float().clamp(min=1) / exact) / math.log(furthest / exact) * (buckets - exact)
                   ).long()
    return torch.where(distance < exact, distance, far.clamp(max=buckets - 1))
