"""A Hugging Face folder with a BERT, RoBERTa, XLM-R or DistilBERT: its sizes, and its weights by our names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from modeling.errors import ConfigError
from modeling.text import Tokenizer

SIZES = {
    "vocabulary_size": "vocab_size", "width": "hidden_size", "layers": "num_hidden_layers",
    "heads": "num_attention_heads", "hidden": "intermediate_size", "positions": "max_position_embeddings",
    "types": "type_vocab_size",
}
DISTILLED = SIZES | {"width": "dim", "layers": "n_layers", "heads": "n_heads", "hidden": "hidden_dim"}
KINDS = {"bert": SIZES, "roberta": SIZES, "xlm-roberta": SIZES, "distilbert": DISTILLED}
"""`model_type` -> what its config.json calls our sizes."""
PREFIXES = ("bert.", "roberta.", "distilbert.")
WORDS = "embeddings.word.weight"
XLM_PIECES = "sentencepiece.bpe.model"
NAMES = (
    ("embeddings.word_embeddings.", "embeddings.word."),
    ("embeddings.position_embeddings.", "embeddings.position."),
    ("embeddings.token_type_embeddings.", "embeddings.segment."),
    ("embeddings.LayerNorm.", "embeddings.norm."),
    ("encoder.layer.", "layers."),
    ("transformer.layer.", "layers."),
    ("attention.output.dense.", "attention.out."),
    ("attention.output.LayerNorm.", "attention_norm."),
    ("attention.out_lin.", "attention.out."),
    ("sa_layer_norm.", "attention_norm."),
    ("intermediate.dense.", "feed_forward.up."),
    ("ffn.lin1.", "feed_forward.up."),
    ("ffn.lin2.", "feed_forward.down."),
    ("output_layer_norm.", "feed_forward_norm."),
    ("output.dense.", "feed_forward.down."),
    ("output.LayerNorm.", "feed_forward_norm."),
    ("qa_outputs.", "span."),
)
PACKED = (("attention.self.query.", "attention.self.key.", "attention.self.value."),
          ("attention.q_lin.", "attention.k_lin.", "attention.v_lin."))


def read_bert_folder(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Sizes by the names of our configurations, `offset` and `epsilon` among them, and weights by those of our
    networks. Raises ConfigError for a folder that is none, or that only code or a pickle could open."""
    given = read_config(path)
    names = KINDS[given["model_type"]]
    try:
        sizes: dict[str, Any] = {ours: int(given.get(theirs, 0) if ours == "types" else given[theirs])
                 for ours, theirs in names.items()}
        roberta = names is SIZES and given["model_type"] != "bert"
        sizes["offset"] = int(given.get("pad_token_id", 1)) + 1 if roberta else 0
        sizes["epsilon"] = float(given.get("layer_norm_eps", 1e-12))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"the config.json of {path.name} lacks {error}", allowed="the sizes of the network") from None
    try:
        weights = our_weights(load_file(path / "model.safetensors"))
    except SafetensorError as error:
        raise ConfigError(f"the model.safetensors of {path.name} cannot be read: {error}",
                          remedy="Download the folder again") from None
    return _with_rows_for(_tokens_of(path), sizes, weights, path.name)


def _tokens_of(path: Path) -> int | None:
    """Of the folder's tokenizer, None where there is none."""
    if (path / "tokenizer.json").is_file():
        return Tokenizer.load(path).vocabulary_size
    if (path / XLM_PIECES).is_file():
        raise ConfigError(f"{path.name} has a {XLM_PIECES} and no tokenizer.json, and the ids of the two differ",
                          remedy="Save its tokenizer anew: AutoTokenizer.from_pretrained(...).save_pretrained(...)")
    return None


def _with_rows_for(
    tokens: int | None, sizes: dict[str, Any], weights: dict[str, Tensor], folder: str
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Without the rows of the word table that no token has; some folders round their number up."""
    rows = sizes["vocabulary_size"]
    if tokens is None or tokens == rows or WORDS not in weights:
        return sizes, weights
    if tokens > rows:
        raise ConfigError(f"the tokenizer of {folder} has {tokens} tokens, but its embeddings {rows} rows",
                          allowed="a row for each token", remedy="Use the tokenizer that the model was trained with")
    return sizes | {"vocabulary_size": tokens}, weights | {WORDS: weights[WORDS][:tokens].clone()}


def read_config(path: Path) -> dict[str, Any]:
    """The folder's config.json, when nothing in it asks for more than reading weights."""
    if not (path / "config.json").is_file():
        raise ConfigError(f"{path.name} is no Hugging Face folder",
                          allowed="a folder with config.json, model.safetensors and tokenizer.json")
    try:
        given: dict[str, Any] = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except ValueError:
        given = {}
    if "auto_map" in given:
        raise ConfigError(f"{path.name} brings code of its own, which would have to be trusted (trust_remote_code)",
                          allowed=f"models that need none: {', '.join(KINDS)}",
                          remedy="Choose a folder of one of these")
    if given.get("model_type") not in KINDS:
        raise ConfigError(f"{path.name} holds a {given.get('model_type')!r} model", allowed=f"{', '.join(KINDS)}")
    if (activation := given.get("hidden_act", given.get("activation", "gelu"))) != "gelu":
        raise ConfigError(f"{path.name} has the activation {activation!r}", allowed="gelu")
    if (given.get("position_embedding_type") or "absolute") != "absolute":
        raise ConfigError(f"{path.name} has positions of the kind {given['position_embedding_type']!r}",
                          allowed="absolute ones")
    if not (path / "model.safetensors").is_file():
        raise ConfigError(f"{path.name} has no model.safetensors, and a pickle is not opened: it could run code",
                          allowed="a folder with config.json, model.safetensors and tokenizer.json",
                          remedy="Save it anew with save_pretrained(..., safe_serialization=True) where you trust it")
    return given


def our_weights(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights to ours, in fp32, packing query, key and value."""
    ours: dict[str, Tensor] = {}
    for name, tensor in state.items():
        kind = next((kind for kind in PACKED if any(part in name for part in kind)), None)
        if kind is None:
            ours[_renamed(name)] = tensor.float() if tensor.is_floating_point() else tensor
        elif kind[0] in name and all(name.replace(kind[0], part) in state for part in kind):
            packed = [state[name.replace(kind[0], part)].float() for part in kind]
            ours[_renamed(name.replace(kind[0], "attention.qkv."))] = torch.cat(packed)
    return ours


def _renamed(name: str) -> str:
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    for theirs, own in NAMES:
        name = name.replace(theirs, own)
    return name


def load_encoder(module: nn.Module, weights: dict[str, Tensor], *, fresh: str, folder: str) -> None:
    """Give a network the folder's weights; what begins with `fresh` may be missing. Raises ConfigError."""
    own = module.state_dict()
    missing = [name for name in own if name not in weights and not name.startswith(fresh)]
    wrong = [name for name in weights if name in own and weights[name].shape != own[name].shape
             and not name.startswith(fresh)]
    if missing or wrong:
        raise ConfigError(f"{folder} lacks or misshapes {', '.join((missing + wrong)[:4])}",
                          allowed="the weights that its config.json describes", remedy="Download the folder again")
    fitting = {name: weights[name] for name in own if name in weights and weights[name].shape == own[name].shape}
    module.load_state_dict(own | fitting)
