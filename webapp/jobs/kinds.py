"""KINDS: what a job may be. Each kind is a command as an argument list; nothing ever passes through a shell."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from modeling.errors import ConfigError

Lane = Literal["short", "long"]
MANAGE = (sys.executable, str(settings.ROOT / "manage.py"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How jobs of one kind run."""

    title: Any = ""  # what people call such work, translated when shown
    command: tuple[str, ...] = ()  # the program and its fixed arguments; a job's own follow as --name=value
    arguments: frozenset[str] = frozenset()  # names that a job may pass
    lane: Lane = "short"  # long work never makes short work wait
    attempts: int = 3  # faults in a row, none of which got further than the one before
    kills: int = 6  # the same, of children that were killed and of workers that died: most are not the job's fault
    seconds: int = 600  # wall clock of one attempt
    memory: int | None = None  # bytes of address space; None is no limit
    niceness: int = 10  # 0 to 19: how far it gives way to the chat
    handler: str = ""  # dotted path of a Handler: the command and what becomes of its events; else `command` alone
    grace: float = 5.0  # seconds that a child has to end by itself when it is told to
    trains: bool = False  # needs PyTorch, which a fresh machine installs while it serves already
    every: int | None = None  # seconds between the runs that the trainer queues by itself; None is never


KINDS: Mapping[str, Kind] = {
    "retention": Kind(title=_("Tidying up"), command=(*MANAGE, "forget"), every=24 * 3600),
    "uploads": Kind(title=_("Tidying up"), command=(*MANAGE, "sweepuploads"), every=3600),
    "report": Kind(
        title=_("Reading of a dataset"), handler="webapp.datasets.handlers.ReportHandler",
        arguments=frozenset({"version"}), seconds=6 * 3600, memory=4 * 1024**3, attempts=4,
    ),
    "artifact": Kind(
        title=_("Check of an uploaded artifact"), handler="webapp.training.handlers.ImportHandler",
        arguments=frozenset({"upload"}), seconds=1800, memory=8 * 1024**3,
    ),
    "import": Kind(
        title=_("Import of a model"), handler="webapp.training.importing.ModelHandler", lane="long",
        seconds=6 * 3600, niceness=15, trains=True, arguments=frozenset({
            "artifact", "folder", "hub", "task", "name", "context", "directions", "prefix", "storage"}),
    ),
    "vectors": Kind(
        title=_("Word vectors"), handler="webapp.vectors.handlers.VectorsHandler", arguments=frozenset({"vectors"}),
        lane="long", seconds=7 * 24 * 3600, niceness=15, trains=True,
    ),
    "vectors-file": Kind(
        title=_("Reading of word vectors"), handler="webapp.vectors.handlers.FileHandler",
        arguments=frozenset({"vectors", "upload"}), seconds=1800, memory=8 * 1024**3,
    ),
    "label": Kind(
        title=_("Labelling of a file"), handler="webapp.training.labelling.LabelHandler",
        arguments=frozenset({"artifact", "upload", "column"}), seconds=24 * 3600, niceness=15, memory=16 * 1024**3,
    ),
    "adoption": Kind(
        title=_("Check of a foreign model"), handler="webapp.training.adoption.AdoptionHandler",
        arguments=frozenset({"files", "name", "labels", "texts", "pad", "length"}), seconds=1800, memory=16 * 1024**3,
    ),
    "training": Kind(
        title=_("Training"), handler="webapp.training.handlers.TrainingHandler", arguments=frozenset({"run"}),
        lane="long", seconds=30 * 24 * 3600, attempts=5, kills=30, niceness=15, grace=45.0, trains=True,
    ),
    "search": Kind(
        title=_("Search for settings"), handler="webapp.experiments.handlers.SearchHandler",
        arguments=frozenset({"search"}), lane="long", seconds=30 * 24 * 3600, attempts=5, kills=30, niceness=15,
        trains=True,
    ),
    "evaluation": Kind(
        title=_("Evaluation"), handler="webapp.training.handlers.EvaluationHandler",
        arguments=frozenset({"artifact"}), lane="long", seconds=24 * 3600, niceness=15,
    ),
}


def kind_named(name: str) -> Kind:
    """The kind of that name. Raises ConfigError when there is none."""
    if name not in KINDS:
        raise ConfigError(f"There is no kind of job {name!r}", allowed=f"Known kinds: {', '.join(sorted(KINDS))}")
    return KINDS[name]


def command_line(kind: Kind, arguments: Mapping[str, Any]) -> list[str]:
    """The full argument list. Raises ConfigError for an argument that the kind does not take."""
    if unknown := sorted(set(arguments) - kind.arguments):
        allowed = ", ".join(sorted(kind.arguments)) or "none"
        raise ConfigError(f"Unknown argument of the job: {', '.join(unknown)}", allowed=f"Allowed: {allowed}")
    return [*kind.command, *(f"--{name}={value}" for name, value in arguments.items())]
