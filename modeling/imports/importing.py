"""import_model(): a folder or a hub id in, a proved artifact out."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modeling.artifact import Artifact
from modeling.errors import ConfigError
from modeling.export import Storage, export
from modeling.imports.encoder_decoders import Told, told_of
from modeling.imports.hub import folder_of
from modeling.models import Bart, Causal
from modeling.models.folder import Folder
from modeling.models.t5 import T5
from modeling.tasks import TASKS
from modeling.text import Tokenizer
from modeling.training.trained import TrainedModel

FAMILIES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("llama", "mistral", "qwen2", "qwen3", "gpt2"), ("generation",)),
    "marian": ("translation",), "bart": ("summarisation",), "t5": ("summarisation", "translation"),
}
"""Family of a model (`model_type`) -> what it can be imported for."""
PROBES = ("The quick brown fox jumps over the lazy dog.", "In 2019, the river rose by 3.5 metres!", "Yes",
          "春眠不觉晓，处处闻啼鸟。",
          "What is it that you would like to know about the history of this town?", "naïve café — “quoted”",
          "A model is asked, and answers; nobody knows why it says what it says, but everybody listens.",
          "x = [1, 2]\n")
"""Texts on which graph and network are compared."""
Event = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What to import."""

    source: str
    """A Hugging Face folder, or an id of the hub."""
    task: str
    """Name in TASKS."""
    out: Path
    """Folder of the artifact."""
    name: str = ""
    """Of the artifact, for people; empty takes that of the folder."""
    context: int | None = None
    """Tokens of context; None takes what the model can span, at most 2048, or 512 of an encoder-decoder."""
    directions: tuple[str, ...] = ()
    """Of a translator, where its folder does not say."""
    prefix: str | None = None
    """Text before each source, where the folder does not say."""
    storage: Storage = "fp32"
    """How the artifact keeps the weights."""


def import_model(asked: Import, *, on_event: Callable[[Event], None] = lambda event: None) -> Artifact:
    """Raises ConfigError for what cannot be imported, with what to do instead, and ParityError."""
    on_event({"progress": 0.0, "note": f"Looking for {asked.source}"})
    path = folder_of(asked.source)
    folder = Folder.open(path)
    known = FAMILIES.get(folder.family, ())
    if asked.task not in known:
        families = ", ".join(family for family, tasks in FAMILIES.items() if asked.task in tasks)
        raise ConfigError(f"{path.name} is a {folder.family!r} model", field="task",
                          allowed=f"{asked.task} takes {families or 'no imported model'}; a {folder.family} model does "
                                  f"{', '.join(known) or 'nothing that Parley knows'}",
                          remedy="Choose another task or another model")
    on_event({"progress": 0.2, "note": f"Reading the weights of {path.name}"})
    run = _causal(asked, folder) if asked.task == "generation" else _encoder_decoder(asked, folder)
    on_event({"progress": 0.5, "note": "Writing the graph and comparing it with the network"})
    name = asked.name or asked.source.rstrip("/").rpartition("/")[2]
    artifact = export(run, asked.out, storage=asked.storage, name=name)
    on_event({"progress": 1.0, "note": "Done"})
    return artifact


def _causal(asked: Import, folder: Folder) -> TrainedModel:
    module, tokenizer = Causal.from_folder(folder.path, context=asked.context), Tokenizer.load(folder.path)
    defaults = {"temperature": 0.7, "top_p": 0.95, "top_k": 50, "repetition_penalty": 1.1,
                "max_tokens": min(512, module.config.context // 2)}
    return _run(asked, folder, "causal", module, tokenizer, Causal.served(folder.path, tokenizer), defaults,
                [{"text": text} for text in PROBES])


def _encoder_decoder(asked: Import, folder: Folder) -> TrainedModel:
    told: Told = told_of(folder, asked.task, asked.directions, asked.prefix)
    kind: Any = T5 if folder.family == "t5" else Bart
    module = kind.from_folder(folder.path, context=asked.context, directions=told.directions)
    rows = [{"source": a, "target": b} for a, b in zip(PROBES, PROBES[1:] + PROBES[:1], strict=True)]
    defaults = told.defaults | {"max_tokens": min(told.defaults["max_tokens"], module.config.target_context)}
    return _run(asked, folder, folder.family, module, told.tokenizer, told.preprocessing, defaults, rows,
                languages=told.languages, source_tokenizer=told.source_tokenizer)


def _run(asked: Import, folder: Folder, model: str, module: Any, tokenizer: Tokenizer, preprocessing: dict[str, Any],
         defaults: dict[str, Any], rows: list[dict[str, Any]], **more: Any) -> TrainedModel:
    source = folder.path.name if Path(asked.source).is_dir() else asked.source
    lineage = {"imported": source, "parent": {"name": source}}
    return TrainedModel(task=asked.task, model=model, config=module.config, module=module.eval(), tokenizer=tokenizer,
                        labels=None, preprocessing=copy.deepcopy(preprocessing), metrics={}, lineage=lineage,
                        card=_card(asked, folder, module), test_rows=rows, defaults=defaults, **more)


def _card(asked: Import, folder: Folder, module: Any) -> str:
    parameters = sum(p.numel() for p in module.parameters()) / 1e6
    readme = folder.path / "README.md"
    text = readme.read_text("utf-8", "replace")[:100_000] if readme.is_file() else ""
    licence = re.search(r"^license:\s*(\S.*)$", text, re.MULTILINE)
    return (f"# {asked.name or folder.path.name}\n\n{TASKS[asked.task].title}: a `{folder.family}` model of "
            f"{parameters:.1f} million parameters, imported from "
            f"`{asked.source.rpartition('/')[2]}`; nothing was trained here.\n\n"
            f"Licence, as its makers say: {licence[1].strip() if licence else 'not said in the folder; ask them'}.\n\n"
            f"Weights stored as {asked.storage}, up to {module.config.context} tokens. The graph was compared with the "
            "network on a few texts; the quality of its answers was not measured.\n")
