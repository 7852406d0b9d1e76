"""The text of /metrics: what the web process has counted, and the engine's and the queue's figures of this moment."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from prometheus_client import REGISTRY, CollectorRegistry, Gauge, generate_latest

from webapp.jobs.packages import training_packages
from webapp.operations.health import database, engine_stats, processes

ENGINE_FIGURES = {
    "running": "Requests in the batch",
    "waiting": "Requests in the queue",
    "slots": "Places in the batch",
    "steps": "Steps since the model was loaded",
    "tokens": "Tokens since the model was loaded",
}


async def exposition() -> bytes:
    """In Prometheus' text format."""
    stats = await engine_stats()
    stored, running, packages = await sync_to_async(lambda: (database(), processes(), training_packages()))()
    now = CollectorRegistry()
    Gauge("parley_engine_up", "Whether the engine answers", registry=now).set(stats is not None)
    jobs = Gauge("parley_jobs", "Jobs that are not over", ("kind", "state"), registry=now)
    for kind, states in stored.get("kinds", {}).items():
        for state, count in states.items():
            jobs.labels(kind, state).set(count)
    up = Gauge("parley_process_up", "Whether a process of the supervisor runs", ("process",), registry=now)
    for name, process in running.items():
        up.labels(name).set(process["alive"])
    Gauge("parley_training_ready", "Whether a training can start", registry=now).set(packages.ready)
    for figure, meaning in ENGINE_FIGURES.items():
        gauge = Gauge(f"parley_engine_{figure}", meaning, ("model",), registry=now)
        for model in (stats or {}).get("models", []):
            if figure in model:
                gauge.labels(model["artifact"]).set(model[figure])
    return generate_latest(REGISTRY) + generate_latest(now)

