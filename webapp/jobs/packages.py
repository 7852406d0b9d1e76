"""Whether this machine can train. A fresh one serves first, and installs PyTorch meanwhile (operations, `start`)."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from webapp.jobs.worker import has_ended

READY, INSTALLING, FAILED, MISSING = "ready", "installing", "failed", "missing"
INTERRUPTED = gettext_noop("The installation was interrupted.")
NOTICES = {
    READY: "",
    INSTALLING: _("PyTorch is being installed; trainings start by themselves when it is there."),
    FAILED: _("PyTorch could not be installed, so trainings wait. The next start of the site tries again."),
    MISSING: _("PyTorch is not installed, so trainings wait. Run make setup on the server, or start the site "
               "without PARLEY_TRAINING=0."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """Where the packages for training stand."""

    state: str  # READY, INSTALLING, FAILED or MISSING
    detail: str = ""  # why they failed

    @property
    def ready(self) -> bool:
        """Whether a training can start."""
        return self.state == READY

    @property
    def notice(self) -> str:
        """Why trainings wait and what to do, in the language of the page; "" when they can start."""
        return str(NOTICES[self.state])


def training_packages() -> Packages:
    """As the installation says while it runs; else as they are found, and why it failed."""
    told = _told()
    if told.get("state") == INSTALLING and not has_ended(told.get("process", "")):
        return Packages(state=INSTALLING)
    if not missing_packages():
        return Packages(state=READY)
    if told.get("state") in (INSTALLING, FAILED):
        return Packages(state=FAILED, detail=told.get("detail") or INTERRUPTED)
    return Packages(state=MISSING)


def missing_packages() -> list[str]:
    """What the extra `train` asks for and is not installed in that version."""
    project = tomllib.loads((settings.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [wanted for wanted in project["optional-dependencies"]["train"] if not _installed(wanted)]


def tell_installation(*, state: str, detail: str = "", process: str = "") -> None:
    """Write down where the installation stands, whole or not at all."""
    draft = note_file().with_suffix(".draft")
    draft.write_text(json.dumps({"state": state, "detail": detail, "process": process}), encoding="utf-8")
    draft.replace(note_file())


def note_file() -> Path:
    """What the installation says of itself."""
    return Path(settings.HOME) / "training-packages.json"


def _told() -> dict[str, str]:
    try:
        told = json.loads(note_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _installed(requirement: str) -> bool:
    name, _, wanted = requirement.partition("==")
    try:
        return version(name).partition("+")[0] == wanted
    except PackageNotFoundError:
        return False
