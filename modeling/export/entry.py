"""The way in: a trained run to a proved artifact, and the artifact of a method without weights."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modeling.artifact import Artifact, write_artifact
from modeling.export.package import assemble, documents, now
from modeling.export.parity import prove
from modeling.export.weights import Storage, rounded_state_dict

if TYPE_CHECKING:
    from modeling.training.trained import TrainedModel


def export(run: TrainedModel, out: Path | str, *, storage: Storage = "fp32", name: str = "") -> Artifact:
    """Write the artifact of a trained model, or raise ParityError and write nothing.

    With storage "int8" or "fp16" the graph is compared with the network on the rounded weights, so that parity proves
    the graph; `run.metrics` should then hold the figures of the rounded weights (`rounded_state_dict`) as well.
    """
    state = {key: tensor.detach().cpu() for key, tensor in run.module.state_dict().items()}
    module = copy.deepcopy(run.module).cpu().float().eval()
    module.load_state_dict(rounded_state_dict(state, storage))
    return assemble(
        out, task=run.task, model=run.model, config=run.config, state=state, storage=storage, tokenizer=run.tokenizer,
        source_tokenizer=run.source_tokenizer,
        labels=run.labels, name=name, card=run.card, metrics=run.metrics, prove=partial(prove, run, module),
        preprocessing=run.preprocessing, languages=list(run.languages), defaults=run.defaults, lineage=run.lineage,
    )


def export_lexrank(
    out: Path | str,
    *,
    name: str = "lexrank",
    card: str = "",
    metrics: Mapping[str, Any] | None = None,
    languages: Sequence[str] = ("en", "zh"),
) -> Artifact:
    """Write the artifact of the summariser: no weights and no graph, since it is a method and not a trained model."""
    manifest: dict[str, Any] = {
        "name": name, "task": "summarisation", "model": "lexrank", "config": {}, "storage": None, "preprocessing": {},
        "graphs": [], "parity": {}, "created": now(), "languages": list(languages), "defaults": {}, "lineage": {},
    }
    return write_artifact(out, manifest=manifest, files=documents(card=card, metrics=metrics))
