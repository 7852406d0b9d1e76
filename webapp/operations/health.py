"""How the site is, as data."""

from __future__ import annotations

import asyncio
import json
import platform
import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Count

from modeling.errors import ParleyError
from modeling.inference import connect
from webapp.jobs.models import Job
from webapp.jobs.packages import training_packages

PACKAGES = ("django", "channels", "daphne", "tokenizers", "numpy")
PATIENCE = 2.0  # seconds that the engine has to answer


@cache
def versions() -> dict[str, str]:
    """Versions of Parley and of what it stands on. The engine tells its own."""
    project = tomllib.loads((settings.ROOT / "pyproject.toml").read_text())["project"]
    found = {"parley": str(project["version"]), "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


async def engine_stats() -> dict[str, Any] | None:
    """The engine's own account of itself; None when there is no engine or it does not answer in time."""
    try:
        async with asyncio.timeout(PATIENCE):
            engine = await connect(settings.ENGINE_SOCKET)
            try:
                return _without_paths(await engine.stats())
            finally:
                await engine.aclose()
    except (ParleyError, OSError, TimeoutError):
        return None


def _without_paths(stats: dict[str, Any]) -> dict[str, Any]:
    """Models by the names of their folders: where they lie on this machine is nobody's business."""
    named = [{**model, "artifact": Path(model["artifact"]).name} for model in stats.get("models", [])]
    return {**stats, "models": named}


def processes() -> dict[str, dict[str, Any]]:
    """The supervisor's programs: process id, running or not, restarts. Empty when another supervisor runs them."""
    try:
        states: dict[str, dict[str, Any]] = json.loads((settings.HOME / "processes.json").read_text())
    except (OSError, ValueError):
        return {}
    return {name: {**state, "pid": _inner(state["pid"]), "alive": _alive(state)} for name, state in states.items()}


def _alive(state: dict[str, Any]) -> bool:
    return state["pid"] is not None and psutil.pid_exists(state["pid"])


def _inner(leash: int | None) -> int | None:
    """The process on the leash."""
    try:
        children = psutil.Process(leash).children() if leash else []
    except psutil.Error:
        children = []
    return children[0].pid if children else None


def database() -> dict[str, Any]:
    """Whether the database answers, and how long the queue of jobs is: in all, and by kind."""
    try:
        rows = list(Job.objects.unfinished().values_list("kind", "state").annotate(Count("pk")).order_by("kind"))
        jobs = {"queued": 0, "running": 0}
        kinds: dict[str, dict[str, int]] = {}
        for kind, state, count in rows:
            jobs[state] += count
            kinds.setdefault(kind, {"queued": 0, "running": 0})[state] = count
        return {"vendor": connection.vendor, "ok": True, "jobs": jobs, "kinds": kinds}
    except DatabaseError as fault:
        return {"vendor": connection.vendor, "ok": False, "error": type(fault).__name__}


async def health() -> dict[str, Any]:
    """All of it. `status` is "ok", or "degraded" with what is wrong under `problems`."""
    stats = await engine_stats()
    running, stored, packages = await sync_to_async(lambda: (processes(), database(), training_packages()))()
    problems = [f"{name} is not running" for name, state in running.items() if not state["alive"]]
    if stats is None:
        problems.append("the engine does not answer")
    if not stored["ok"]:
        problems.append("the database does not answer")
    stats = stats or {}
    return {
        "status": "degraded" if problems else "ok",
        "problems": problems,
        "versions": {**versions(), **stats.get("versions", {})},
        "providers": stats.get("providers", []),
        "models": stats.get("models", []),
        "processes": running,
        "database": stored,
        "training": {"packages": packages.state, **({"detail": packages.detail} if packages.detail else {})},
    }
