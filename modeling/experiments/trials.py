"""search(): which settings suit these data. Optuna proposes, a child trains, what lags behind is given up early.

Akiba et al. 2019, Optuna; proposals by the tree-structured Parzen estimator (Bergstra et al. 2011), pruning by the
median of earlier trials at the same evaluation (Golovin et al. 2017, 3.2). Trials are judged on the validation split:
the test split stays unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modeling.errors import ConfigError, ParleyError
from modeling.experiments.child import Event, running
from modeling.experiments.space import Range

OnEvent = Callable[[Event], None]
STARTUP = 4
"""Trials before any is given up, and before proposals follow the results."""
WARMUP = 1
"""Evaluations of a trial before it can be given up."""
JOURNAL = "journal.log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is searched."""

    task: str
    model: str
    train: Path
    """Rows to learn from."""
    validation: Path
    """Rows that judge."""
    space: Mapping[str, Range]
    settings: Mapping[str, str]
    """Those that stay as they are."""
    trials: int
    seed: int = 0
    parent: Path | None = None
    prune: bool = True


def search(asked: Asked, out: Path, *, on_event: OnEvent = lambda event: None) -> dict[str, Any]:
    """`{"settings": {...}, "value": best, "measure": its name, "trials": n}` of the best trial.

    Events: "trial" {number, settings, state (running, complete, pruned, failed), value, curve [[step, value]]} whenever
    one has news. The same call again goes on after the trials in `out`. Raises ConfigError where all failed.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    out.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name="search", load_if_exists=True, direction="minimize",
        storage=JournalStorage(JournalFileBackend(str(out / JOURNAL))),
        sampler=optuna.samplers.TPESampler(seed=asked.seed + 1, n_startup_trials=STARTUP),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=WARMUP)
        if asked.prune else optuna.pruners.NopPruner(),
    )
    for cut_off in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):  # by a kill
        study.tell(cut_off.number, state=optuna.trial.TrialState.FAIL)
    faults: list[str] = []
    while (done := _finished(study)) < asked.trials and len(faults) < STARTUP:
        on_event({"progress": done / asked.trials, "note": f"{done} / {asked.trials}"})
        trial = study.ask()
        settings = {name: _suggested(trial, name, one) for name, one in asked.space.items()}
        fault = _tried(asked, study, trial, settings, out / "trials" / str(trial.number), on_event)
        faults = [*faults, fault] if fault else []
    return _best(asked, study, faults)


def _finished(study: Any) -> int:
    return sum(trial.state.name in ("COMPLETE", "PRUNED") for trial in study.get_trials(deepcopy=False))


def _suggested(trial: Any, name: str, one: Range) -> str:
    if one.kind == "choice":
        return str(trial.suggest_categorical(name, one.choices))
    if one.kind == "int":
        return str(trial.suggest_int(name, int(one.low), int(one.high), log=one.log))
    return f"{trial.suggest_float(name, one.low, one.high, log=one.log):.6g}"


def _tried(
    asked: Asked, study: Any, trial: Any, settings: Mapping[str, str], folder: Path, on_event: OnEvent
) -> str | None:
    """Train with these settings; the fault, where it could not be."""
    import optuna

    sign, curve = 1.0, []  # type: float, list[list[float]]
    told = {"event": "trial", "number": trial.number, "settings": dict(settings), "curve": curve}
    state, fault = optuna.trial.TrialState.COMPLETE, None
    trial.set_user_attr("settings", dict(settings))
    on_event({**told, "state": "running", "value": None})
    try:
        with running(_command(asked, settings, folder)) as events:
            for place, (step, value, sign) in enumerate(_values(events)):
                curve.append([step, value])
                trial.report(sign * value, place)
                on_event({**told, "state": "running", "value": _best_of(curve, sign)})
                if trial.should_prune():
                    state = optuna.trial.TrialState.PRUNED
                    break
    except ParleyError as error:
        fault = str(error)
    if fault is None and not curve:
        fault = "the training made no evaluation"
    best = _best_of(curve, sign) if curve else None
    if fault:
        state = optuna.trial.TrialState.FAIL
    complete = best is not None and state == optuna.trial.TrialState.COMPLETE
    study.tell(trial, sign * best if best is not None and complete else None, state)
    trial.study.set_user_attr("sign", sign)
    on_event({**told, "state": {"FAIL": "failed"}.get(state.name, state.name.lower()), "value": best,
              **({"text": fault} if fault else {})})
    return fault


def _command(asked: Asked, settings: Mapping[str, str], folder: Path) -> list[str]:
    whole = {**asked.settings, **settings}
    return ["train", "--trial", "--task", asked.task, "--model", asked.model, "--data", str(asked.train),
            "--validation", str(asked.validation), "--test", str(asked.validation), "--out", str(folder),
            "--seed", str(asked.seed), "--set", *(f"{key}={value}" for key, value in whole.items()),
            *(["--from", str(asked.parent)] if asked.parent else [])]


def _values(events: Iterator[Event]) -> Iterator[tuple[int, float, float]]:
    """(step, figure that decides, its sign: 1 where lower is better) of each evaluation."""
    measure, sign = "", 1.0
    for event in events:
        if event.get("event") == "started":
            measure, sign = event["measure"], -1.0 if event["higher_is_better"] else 1.0
        elif event.get("event") == "evaluation":
            yield event["step"], event[measure], sign


def _best_of(curve: Sequence[Sequence[float]], sign: float) -> float:
    return min((value for _, value in curve), key=lambda value: sign * value)


def _best(asked: Asked, study: Any, faults: Sequence[str]) -> dict[str, Any]:
    whole = [trial for trial in study.get_trials() if trial.state.name == "COMPLETE"]
    if not whole:
        raise ConfigError(f"no trial came to its end: {faults[-1] if faults else 'all were given up'}",
                          remedy="Change the ranges, or train once by hand to see what is wrong")
    best = min(whole, key=lambda trial: trial.value)
    sign = float(study.user_attrs.get("sign", 1.0))
    return {"settings": best.user_attrs["settings"], "value": sign * best.value, "number": best.number,
            "trials": len(study.get_trials())}
