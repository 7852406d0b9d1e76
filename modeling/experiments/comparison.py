"""compare(): one dataset, frozen splits, many models; each is trained, measured as it is served, and ranked.

The same call again goes on where a killed one stopped: what is trained and measured stays.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from modeling.artifact import Artifact
from modeling.configs import MODELS, read_settings
from modeling.datasets import BuildOptions, build
from modeling.errors import ConfigError, ParleyError
from modeling.experiments.child import Event, running
from modeling.experiments.leaderboard import Standing, ranked
from modeling.tasks import TASKS

OnEvent = Callable[[Event], None]
LEADERBOARD = "leaderboard.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A model with the settings that differ from its defaults."""

    model: str
    settings: Mapping[str, str]
    parent: Path | None = None
    """Artifact or Hugging Face folder to start from; for a method without training the artifact itself."""

    @property
    def name(self) -> str:
        """Unique among contestants, and a file's name."""
        return ":".join((self.model, *(f"{key}={value}" for key, value in self.settings.items())))

    @property
    def trains(self) -> bool:
        """Whether there is something to learn."""
        return not (self.parent and not self.settings and self.parent.name == self.model)


def contestants(task: str, asked: str, parents: Mapping[str, Path]) -> list[Contestant]:
    """Read `bag,lstm:cell=gru:hidden=64,bert`; "all" is every model that has what it starts from.

    Raises ConfigError for an unknown model or setting, and for one that has to start from weights without any.
    """
    if asked == "all":
        asked = ",".join(model for model, entry in MODELS[task].items()
                         if model in parents or (entry.parent != "must" and not entry.on_vectors))
    found = [_contestant(task, part.strip(), parents) for part in asked.split(",") if part.strip()]
    if len({one.name for one in found}) < len(found):
        raise ConfigError("a model is named twice", allowed="models, or the same with different settings")
    if not found:
        raise ConfigError("no model is named", allowed=f"models are {', '.join(MODELS[task]) or 'none'}")
    return found


def _contestant(task: str, asked: str, parents: Mapping[str, Path]) -> Contestant:
    model, *pairs = asked.split(":")
    entry = MODELS[task].get(model)
    if model in TASKS[task].models and (entry is None or (entry.on_vectors and not pairs)):
        if model not in parents:
            raise ConfigError(f"{model} needs no training, and no artifact of it is named",
                              remedy=f"Give --from {model}=FOLDER")
        return Contestant(model=model, settings={}, parent=parents[model])
    settings = dict(pair.partition("=")[::2] for pair in pairs)
    read_settings(task, model, settings)
    if MODELS[task][model].parent == "must" and model not in parents:
        raise ConfigError(f"{model} has to start from trained weights", remedy=f"Give --from {model}=FOLDER")
    return Contestant(model=model, settings=settings, parent=parents.get(model))


def compare(
    data: Sequence[Path], out: Path, *, task: str, models: Sequence[Contestant], options: BuildOptions | None = None,
    columns: Mapping[str, str] | None = None, storage: str = "int8", seed: int = 0, threads: int = 1,
    on_event: OnEvent = lambda event: None,
) -> list[Standing]:
    """Train and measure each model on the same splits; the best first. Also written to `out/leaderboard.json`.

    A model that cannot be trained is told as an event "failed" and left out. Raises DataError, ConfigError.
    """
    rows = out / "data"
    if not rows.exists():
        build(list(data), rows, task=task, columns=columns, options=options or BuildOptions(seed=seed))
    standings: list[Standing] = []
    for place, one in enumerate(models):
        on_event({"event": "model", "name": one.name, "progress": place / len(models)})
        standing = _standing(one, out, rows, task, storage=storage, seed=seed, threads=threads, on_event=on_event)
        if standing:
            standings.append(standing)
            on_event({"event": "standing", **asdict(standing)})
    best_first = ranked(task, standings)
    written = json.dumps({"task": task, "standings": [asdict(one) for one in best_first]}, ensure_ascii=False, indent=1)
    draft = out / f".{LEADERBOARD}"
    draft.write_text(written)
    draft.rename(out / LEADERBOARD)
    return best_first


def _standing(
    one: Contestant, out: Path, rows: Path, task: str, *, storage: str, seed: int, threads: int, on_event: OnEvent
) -> Standing | None:
    folder = out / "models" / one.name
    folder.mkdir(parents=True, exist_ok=True)
    try:
        seconds = _trained(one, folder, rows, task, storage=storage, seed=seed, threads=threads, on_event=on_event)
        artifact = Artifact.load(folder / "artifact" if one.trains else one.parent or folder, verify=False)
        report = folder / "report"
        if not (report / "report.json").is_file():
            with running(["evaluate", str(artifact.path), "--data", str(rows / "test.jsonl"), "--report", str(report),
                          "--threads", str(threads)]) as events:
                _pass_on(events, one, on_event)
    except ParleyError as fault:
        on_event({"event": "failed", "name": one.name, "text": str(fault)})
        return None
    figures = json.loads((report / "report.json").read_text())
    return Standing.of(one.name, figures, seconds=seconds, size=artifact.bytes)


def _trained(
    one: Contestant, folder: Path, rows: Path, task: str, *, storage: str, seed: int, threads: int, on_event: OnEvent
) -> float | None:
    """Seconds of the training, measured once."""
    if not one.trains:
        return None
    known = folder / "training.json"
    if known.is_file():
        return float(json.loads(known.read_text())["seconds"])
    settings = [f"{key}={value}" for key, value in one.settings.items()]
    settings += [] if "threads" in one.settings else [f"threads={threads}"]
    started = time.monotonic()
    with running(["train", "--task", task, "--model", one.model, "--data", str(rows / "train.jsonl"),
                  "--validation", str(rows / "validation.jsonl"), "--test", str(rows / "test.jsonl"),
                  "--out", str(folder / "artifact"), "--seed", str(seed), "--storage", storage, "--name", one.name,
                  "--set", *settings, *(["--from", str(one.parent)] if one.parent else [])]) as events:
        _pass_on(events, one, on_event)
    seconds = time.monotonic() - started
    known.write_text(json.dumps({"seconds": round(seconds, 1)}))
    return seconds


def _pass_on(events: Iterator[Event], one: Contestant, on_event: OnEvent) -> None:
    for event in events:
        if event.get("event") in ("step", "evaluation", "measured"):
            on_event({**event, "name": one.name})
