"""adopt(): an ONNX classifier that was exported elsewhere becomes an artifact, once it has classified sample rows."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Regex, models, normalizers, pre_tokenizers
from tokenizers import Tokenizer as HuggingFaceTokenizer

from modeling.artifact import Artifact, external_locations, write_artifact
from modeling.errors import ArtifactError, ConfigError, DataError, ParleyError
from modeling.inference.foreign import ForeignClassifier, ForeignInput, ForeignOutput, probabilities_of
from modeling.inference.graphs import GraphEnd, graph_ends
from modeling.text import Tokenizer

MOST_BYTES = 2 * 2**30
"""Of a graph with its weights: what a protobuf holds."""
MOST_VOCABULARY = 64 * 2**20
"""Bytes of a file of words."""
PUNCTUATION = r"[!\"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~\t\n]"
"""What Keras's text processing takes out."""
NEAR = 1e-3
"""How far from 1 the shares of a row may sum up."""
TRIED = 200
"""Sample rows that are classified."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Adoption:
    """What is known about the graph; the rest is found out."""

    graph: Path
    """The ONNX file, weights inside."""
    labels: Sequence[str]
    """In the order of the output."""
    samples: Sequence[Mapping[str, Any]]
    """Rows with `text` and, where it is known, `label`."""
    vocabulary: Path | None = None
    """For a graph that reads token ids: a tokenizer.json, Keras's word index (JSON), or a file of words, one a line."""
    name: str = ""
    """For people."""
    about: str = ""
    """Markdown for the card."""
    length: int | None = None
    """Tokens that a row has, where the graph does not say."""
    pad: str = "after"
    """Where a short text is filled up: before or after."""
    output: str = ""
    """Name of the output, where there are several."""
    kind: str = ""
    """What it is: probabilities, probability, logits; found out where it is left out."""


def adopt(asked: Adoption, out: Path) -> Artifact:
    """Write the artifact, or raise ArtifactError, ConfigError or DataError, and write nothing."""
    _check_file(asked.graph)
    if len(set(asked.labels)) < 2 or len(set(asked.labels)) != len(asked.labels):
        raise ConfigError(f"there are {len(set(asked.labels))} different labels", field="labels",
                          allowed="At least two, each once, in the order of the model's output")
    texts = [str(row["text"]) for row in asked.samples if str(row.get("text", "")).strip()][:TRIED]
    if not texts:
        raise DataError("there is no sample text to try the model on", remedy="Give at least one")
    inputs, outputs = graph_ends(asked.graph)
    wanted, tokenizer = _input(asked, inputs)
    with tempfile.TemporaryDirectory() as folder:
        draft = _written(asked, Path(folder) / "draft", wanted, ForeignOutput(name=_output(asked, outputs).name),
                         tokenizer, inputs, outputs, {})
        found = _settled(asked, ForeignClassifier(draft, threads=1), texts, _output(asked, outputs))
        draft = _written(asked, Path(folder) / "tried", wanted, found, tokenizer, inputs, outputs, {})
        figures = _tried(asked, ForeignClassifier(draft, threads=1), texts)
    return _written(asked, out, wanted, found, tokenizer, inputs, outputs, figures)


def _check_file(graph: Path) -> None:
    if not graph.is_file():
        raise DataError(f"there is no file {graph.name}", remedy="Check the path")
    if graph.stat().st_size > MOST_BYTES:
        raise ArtifactError(f"{graph.name} has {graph.stat().st_size:,} bytes", allowed=f"Up to {MOST_BYTES:,}")
    try:
        beside = sorted(set(external_locations(graph.read_bytes())))
    except (IndexError, ValueError, RecursionError) as error:
        raise ArtifactError(f"{graph.name} is not an ONNX graph: {error}",
                            remedy="Export the model as ONNX: Keras by model.export(format='onnx') or tf2onnx, "
                                   "scikit-learn by skl2onnx. A pickle or a .keras file is never opened") from error
    if beside:
        raise ArtifactError(f"{graph.name} keeps its weights in {beside[0]}", allowed="One file with everything inside",
                            remedy="onnx.save(model, file, save_as_external_data=False) writes it so")


def _input(asked: Adoption, inputs: Sequence[GraphEnd]) -> tuple[ForeignInput, Tokenizer | None]:
    told = ", ".join(f"{one.name} {one.type}{list(one.shape)}" for one in inputs)
    texts = [one for one in inputs if one.type == "text"]
    if len(inputs) == 1 and texts and len(texts[0].shape) in (1, 2):
        return ForeignInput(kind="text", name=texts[0].name, axes=len(texts[0].shape)), None
    extra = {one.name: one for one in inputs if re.search("mask|type|segment", one.name)}
    ids = [one for one in inputs if one.name not in extra and one.type in ("i64", "i32", "f32", "f64")]
    if texts or len(ids) != 1 or len(ids[0].shape) != 2:
        raise ArtifactError(f"the model's inputs are {told}", remedy="Export the text processing with the model, or "
                            "let it take token ids",
                            allowed="One input of texts, or one of token ids [rows, tokens] with its mask and segments")
    if asked.vocabulary is None:
        raise ConfigError(f"the model reads token ids ({told}), and its vocabulary is missing", field="vocabulary",
                          remedy="Give tokenizer.json, Keras's word index as JSON, or a file with one word a line")
    fixed = ids[0].shape[1] if isinstance(ids[0].shape[1], int) else asked.length
    if isinstance(ids[0].shape[1], int) and asked.length not in (None, fixed):
        raise ConfigError(f"the model reads {fixed} tokens, not {asked.length}", field="length")
    tokenizer, drops = vocabulary_of(asked.vocabulary)
    return ForeignInput(
        kind="tokens", name=ids[0].name, type=ids[0].type, length=fixed, drop_unknown=drops,
        pad="before" if asked.pad == "before" else "after", pad_id=tokenizer.pad_id or 0,
        mask=next((name for name in extra if "mask" in name), ""),
        types=next((name for name in extra if "mask" not in name), ""),
    ), tokenizer


def vocabulary_of(path: Path) -> tuple[Tokenizer, bool]:
    """A tokenizer from a file, and whether words that it lacks are dropped. Raises DataError.

    Keras's word index: {"word": number}, or the JSON of its Tokenizer. Lines: the word of line n has the number n,
    from 0, as TextVectorization.get_vocabulary() gives them: padding, [UNK], words.
    """
    if not path.is_file() or path.stat().st_size > MOST_VOCABULARY:
        raise DataError(f"{path.name} cannot be a vocabulary", allowed=f"A file of up to {MOST_VOCABULARY:,} bytes")
    text = path.read_text("utf-8-sig", "replace")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and "model" in value and "pre_tokenizer" in value:
        return Tokenizer.load(path), False
    if isinstance(value, dict):
        return _word_index(value, path)
    words = [str(word) for word in value] if isinstance(value, list) else text.split("\n")
    if words and words[-1] == "" and value is None:
        words.pop()
    known = {word: number for number, word in enumerate(words)}
    if len(known) < len(words) or len(known) < 2:
        raise DataError(f"{path.name} has a word twice, or none", allowed="Each word once, one a line")
    unknown = next((word for word in ("[UNK]", "<unk>", "<UNK>", "<OOV>") if word in known), None)
    return _words(known, unknown), unknown is None


def _word_index(value: dict[str, Any], path: Path) -> tuple[Tokenizer, bool]:
    config = value.get("config", value)
    index = config.get("word_index", value) if isinstance(config, dict) else value
    try:
        index = json.loads(index) if isinstance(index, str) else index
        known = {str(word): int(number) for word, number in index.items()}
    except (AttributeError, TypeError, ValueError):
        raise DataError(f"{path.name} is no word index", allowed='JSON such as {"word": 1, "other": 2}') from None
    if not known or min(known.values()) < 0 or len(set(known.values())) < len(known):
        raise DataError(f"{path.name} has no words, or a number twice", allowed="One number from 0 for each word")
    limit = config.get("num_words") if isinstance(config, dict) else None
    known = {word: number for word, number in known.items() if not limit or number < int(limit)}
    unknown = config.get("oov_token") if isinstance(config, dict) else None
    return _words(known, unknown if unknown in known else None), unknown not in known


def _words(known: dict[str, int], unknown: str | None) -> Tokenizer:
    """Lower case, no punctuation, cut at blanks: as Keras does it."""
    mark = unknown or "[UNK]"
    numbers = known if unknown else known | {mark: max(known.values()) + 1}
    inner = HuggingFaceTokenizer(models.WordLevel(numbers, unk_token=mark))
    inner.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Replace(Regex(PUNCTUATION), " ")])
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return Tokenizer(inner)


def _output(asked: Adoption, outputs: Sequence[GraphEnd]) -> GraphEnd:
    """The output that holds the shares: named, or the last one of numbers or maps."""
    able = [one for one in outputs if one.type in ("f32", "f64", "f16", "maps")]
    chosen = [one for one in able if one.name == asked.output] if asked.output else able[-1:]
    if not chosen:
        told = ", ".join(f"{one.name} {one.type}{list(one.shape)}" for one in outputs)
        raise ArtifactError(f"the model's outputs are {told}", allowed="One of numbers [rows, labels], or of maps")
    return chosen[0]


def _settled(asked: Adoption, model: ForeignClassifier, texts: Sequence[str], end: GraphEnd) -> ForeignOutput:
    """What the output means, from what comes out for the samples."""
    try:
        raw = model.raw(model.encode(texts[:1] if model.alone else texts))
    except ParleyError:
        raise
    except Exception as error:  # ONNX Runtime raises its own classes, which are no public names
        raise ArtifactError(f"the model cannot read the samples: {error}",
                            remedy="Check the vocabulary, the length and the order of the inputs") from error
    if end.type == "maps":
        probabilities_of(raw, "maps", asked.labels)
        return ForeignOutput(name=end.name, kind="maps")
    found = np.asarray(raw, np.float64)
    columns = found.reshape(len(found), -1).shape[1]
    if columns != len(asked.labels) and not (columns == 1 and len(asked.labels) == 2):
        raise ConfigError(f"the model gives {columns} numbers a text, and there are {len(asked.labels)} labels",
                          field="labels", allowed=f"{columns} labels, in the order of the output")
    within = bool(((found >= -NEAR) & (found <= 1 + NEAR)).all())
    sums = within and columns > 1 and bool((np.abs(found.reshape(len(found), -1).sum(1) - 1) < NEAR).all())
    kind = asked.kind or ("probability" if within and columns == 1 else "probabilities" if sums else "logits")
    if (kind == "probabilities" and not sums) or (kind == "probability" and not (within and columns == 1)):
        raise ConfigError(f"the output is no {kind}: a row is {found.reshape(len(found), -1)[0].round(3).tolist()[:8]}",
                          allowed="probabilities sum up to 1; logits may be anything", field="kind")
    return replace(ForeignOutput(name=end.name), kind=kind)  # type: ignore[arg-type]


def _tried(asked: Adoption, model: ForeignClassifier, texts: Sequence[str]) -> dict[str, Any]:
    """Shares of all samples, alone and together the same; accuracy where they have labels."""
    rows = model.encode(texts)
    together = model.probabilities(rows)
    alone = model.probabilities(rows[:1])
    if np.abs(alone - together[:1]).max() > NEAR:
        raise ArtifactError("the model answers a text differently when others are beside it",
                            remedy="Export it for inference: no batch normalisation or dropout in training mode")
    unknown = sorted({str(row["label"]) for row in asked.samples if row.get("label") is not None} - set(asked.labels))
    if unknown:
        raise ConfigError(f"the samples have a label {unknown[0]!r} that the model has not", field="labels",
                          allowed=f"Labels are {', '.join(asked.labels)}")
    truth = [(place, str(row["label"])) for place, row in enumerate(asked.samples[: len(texts)])
             if row.get("label") is not None]
    right = [asked.labels[int(together[place].argmax())] == label for place, label in truth]
    return {"samples": len(texts), **({"accuracy": float(np.mean(right)), "rows": len(right)} if right else {})}


def _written(
    asked: Adoption, out: Path, wanted: ForeignInput, output: ForeignOutput, tokenizer: Tokenizer | None,
    inputs: Sequence[GraphEnd], outputs: Sequence[GraphEnd], figures: Mapping[str, Any],
) -> Artifact:
    name = asked.name or out.name
    files: dict[str, bytes | Path] = {
        "classifier.cpu.onnx": asked.graph, "labels.json": json.dumps(list(asked.labels), ensure_ascii=False).encode(),
        "metrics.json": json.dumps(figures).encode(), "card.md": _card(asked, name, figures).encode(),
    }
    with tempfile.TemporaryDirectory() as folder:
        if tokenizer is not None:
            tokenizer.save(Path(folder) / "tokenizer.json")
            files["tokenizer.json"] = Path(folder) / "tokenizer.json"
        entry = {"role": "classifier", "device": "cpu", "file": "classifier.cpu.onnx", "precision": "",
                 "inputs": [asdict(one) for one in inputs], "outputs": [asdict(one) for one in outputs]}
        return write_artifact(out, files=files, manifest={
            "name": name, "task": "classification", "model": "onnx", "storage": None, "graphs": [entry], "parity": {},
            "config": {"labels": len(asked.labels), "length": wanted.length or 0}, "languages": [], "defaults": {},
            "preprocessing": {"input": asdict(wanted), "output": asdict(output)}, "lineage": {},
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        })


def _card(asked: Adoption, name: str, figures: Mapping[str, Any]) -> str:
    tried = f"It classified {figures.get('samples', 0)} sample texts before it was taken in"
    right = f"; {figures['accuracy']:.1%} of {figures['rows']} with a label were right" if "accuracy" in figures else ""
    return (f"# {name}\n\nA classifier that was trained and exported elsewhere, as `{asked.graph.name}`. Labels: "
            f"{', '.join(asked.labels)}.\n\n{asked.about.strip()}\n\n{tried}{right}.\n")
