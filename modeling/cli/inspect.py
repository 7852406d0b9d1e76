"""`inspect ARTIFACT`: what an artifact is, after checking that it is whole."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from modeling.artifact import Artifact

HELP = "check an artifact and say what it is: task, sizes, graphs, proof, figures, origin"
CARD_LINES = 12  # of the card that are shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("artifact", type=Path, metavar="ARTIFACT", help="folder of an artifact")
    parser.add_argument("--json", action="store_true", help="print one JSON object, with the whole card")


def run(args: argparse.Namespace) -> int:
    artifact = Artifact.load(args.artifact)
    print(json.dumps(as_json(artifact), ensure_ascii=False) if args.json else "\n".join(report(artifact)))
    return 0


def as_json(artifact: Artifact) -> dict[str, Any]:
    """The manifest with the figures, labels and card of the other files."""
    return {**artifact.manifest, "path": str(artifact.path), "bytes": artifact.bytes, "labels": artifact.labels,
            "metrics": artifact.metrics, "card": artifact.card}


def report(artifact: Artifact) -> Iterator[str]:
    """Lines for people."""
    manifest = artifact.manifest
    yield f"{artifact.name}: {artifact.task} by {artifact.model}, {readable_size(artifact.bytes)}"
    facts = {"languages": artifact.languages, "labels": artifact.labels, "weights": manifest.get("storage"),
             "created": manifest.get("created"), "version": artifact.digest[:16], "config": artifact.config,
             "preprocessing": artifact.preprocessing, "defaults": artifact.defaults}
    yield from _section("", facts)
    sizes = {name: readable_size(entry["bytes"]) for name, entry in sorted(manifest["files"].items())}
    yield from _section("Files", sizes)
    for graph in artifact.graphs:
        yield f"\nGraph {graph['role']} for {graph['device']}, {graph.get('precision')}, opset {graph.get('opset')}"
        yield from (f"  {side:7} {value}" for side in ("inputs", "outputs") for value in _values(graph[side]))
    yield from _section("Proof against the trained network", manifest.get("parity", {}))
    yield from _section("Figures", dict(_flat(artifact.metrics)))
    yield from _section("Origin", dict(_flat(manifest.get("lineage", {}))))
    if artifact.card:
        yield "\nCard"
        lines = artifact.card.strip().splitlines()
        yield from (f"  {line}" for line in lines[:CARD_LINES])
        if len(lines) > CARD_LINES:
            yield f"  … {len(lines) - CARD_LINES} more lines in card.md"


def readable_size(size: int) -> str:
    """1.2 MB; decimal units."""
    number, units = float(size), ["B", "kB", "MB", "GB"]
    while number >= 1000 and len(units) > 1:
        number, units = number / 1000, units[1:]
    return f"{number:.0f} {units[0]}" if units[0] == "B" else f"{number:.1f} {units[0]}"


def _section(title: str, facts: Mapping[str, Any]) -> Iterator[str]:
    shown = {name: _value(value) for name, value in facts.items() if value not in (None, [], {}, "")}
    if shown and title:
        yield f"\n{title}"
    width = max(map(len, shown), default=0)
    yield from (f"  {name:{width}}  {value}" for name, value in shown.items())


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_value(inner)}" for key, inner in value.items() if inner is not None)
    return ", ".join(map(_value, value)) if isinstance(value, list) else str(value)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested figures by their path; lists of lists, such as a confusion matrix, are left to metrics.json."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name} / ")
        elif isinstance(value, list):
            for index, inner in enumerate(value):
                if isinstance(inner, Mapping):
                    yield from _flat(inner, f"{prefix}{name} {index + 1} / ")
            if value and all(isinstance(inner, str | int | float) for inner in value):
                yield f"{prefix}{name}", value
        else:
            yield f"{prefix}{name}", value


def _values(values: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """`past_k0 … past_v5  f32 [B, 4, C, 64]`: keys and values of all layers share a line."""
    alike: dict[str, list[Mapping[str, Any]]] = {}
    for value in values:
        alike.setdefault(re.sub(r"[kv]\d+$", "", value["name"]), []).append(value)
    for members in alike.values():
        names = members[0]["name"] + (f" … {members[-1]['name']}" if len(members) > 1 else "")
        yield f"{names}  {members[0]['type']} [{', '.join(map(str, members[0]['shape']))}]"
