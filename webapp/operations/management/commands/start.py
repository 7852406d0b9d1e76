"""`manage.py start`: makes the site ready and keeps its processes running."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError

from modeling.errors import ConfigError
from webapp.accounts.services import FirstAdmin, ensure_admin
from webapp.addresses import EVERYWHERE, LOCAL_NAMES, bracketed
from webapp.jobs.packages import INSTALLING, missing_packages, tell_installation
from webapp.jobs.worker import process
from webapp.logs import FORM, as_object
from webapp.operations.budget import Budget
from webapp.operations.port import require_free_port
from webapp.operations.supervisor import Program, Supervisor

LEAST_SPACE = 200 * 1024 * 1024  # bytes
STARTERS = settings.ROOT / "modeling" / "starters"
TRAINER_GRACE = 55.0  # seconds in which a running training saves what it has
IMPATIENT = 60.0  # seconds after which a site that is not ready says why


class Command(BaseCommand):
    """Prepares, then supervises web, engine and trainer until Ctrl-C or SIGTERM."""

    help = "Start the site: web, engine and trainer, at HOST (127.0.0.1) and PORT (8000)."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the site."""
        os.umask(0o077)  # what people write is nobody else's business on this machine
        try:
            require_free_port(settings.HOST, settings.PORT)
        except ConfigError as fault:
            raise CommandError(str(fault)) from None
        self._require_space()
        admin = self._prepare()
        announce_installation()
        supervisor = Supervisor(
            programs(), logs=settings.HOME / "logs", state=settings.HOME / "processes.json", say=self._say
        )
        supervisor.run(on_round=Readiness(self._say, ready_line(admin), lambda: prepare_training(supervisor)))
        self._say("Parley has ended.")

    def _require_space(self) -> None:
        if shutil.disk_usage(settings.HOME).free < LEAST_SPACE:
            raise CommandError(f"Less than {LEAST_SPACE >> 20} MB are free for the site's data in {settings.HOME}. "
                               "Make room, or choose another folder with PARLEY_HOME.")

    def _prepare(self) -> FirstAdmin:
        for command in ("compilecatalogs", "migrate", "registerstarters"):
            if command in get_commands():
                call_command(command, verbosity=0)
        return ensure_admin(secret=settings.HOME / "admin.password")

    def _say(self, line: str) -> None:
        self.stdout.write(as_object("start", line) if FORM == "json" else line)
        self.stdout.flush()


def programs() -> list[Program]:
    """Web, engine and trainer, as argument lists."""
    budget, python = Budget.from_environment(), sys.executable
    settings.ENGINE_SOCKET.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    roots = [STARTERS, settings.HOME / "artifacts", settings.HOME / "indexes", settings.DOCUMENTS]
    for folder in roots:
        folder.mkdir(exist_ok=True)
    starters = [str(manifest.parent) for manifest in sorted(STARTERS.glob("*/manifest.json"))]
    engine = [python, "-m", "modeling.inference.server", "--socket", str(settings.ENGINE_SOCKET),
              "--threads", str(budget.engine), "--roots", *map(str, roots)]
    # Behind a proxy on this machine the visitor's address is what the proxy says.
    proxied = ["--proxy-headers"] if settings.PUBLIC_URL and settings.HOST in LOCAL_NAMES else []
    return [
        Program(name="engine", command=[*engine, *(["--preload", *starters] if starters else [])]),
        Program(name="web", command=[python, "-m", "daphne", "--bind", settings.HOST, "--port", str(settings.PORT),
                                     "--verbosity", "0", "--no-server-name", *proxied, "webapp.asgi:application"]),
        Program(name="trainer", command=[python, str(settings.ROOT / "manage.py"), "trainer",
                                         "--threads", str(budget.trainer)], grace=TRAINER_GRACE),
    ]


def announce_installation() -> None:
    """Let pages say from the first moment on that PyTorch is on its way, where it is."""
    if wants_training_packages():
        tell_installation(state=INSTALLING, process=process(os.getpid()))


def prepare_training(supervisor: Supervisor) -> None:
    """Install what training needs beside a site that serves already, where that is wanted."""
    if wants_training_packages():
        command = [sys.executable, str(settings.ROOT / "manage.py"), "installtraining"]
        supervisor.add(Program(name="setup", command=command, once=True, niceness=19))


def wants_training_packages() -> bool:
    """Whether they are missing, may be installed, and this is the environment that install.py looks after."""
    ours = Path(sys.prefix) == settings.ROOT / ".venv"
    return ours and os.environ.get("PARLEY_TRAINING") != "0" and bool(missing_packages())


class Readiness:
    """Says once that the site is ready, or after a minute why it is not."""

    def __init__(self, say: Callable[[str], None], line: str, then: Callable[[], None]) -> None:
        """`say` gets the line when the site is ready; `then` is called after it."""
        self._say, self._line, self._then = say, line, then
        self._said = self._complained = False
        self._began = self._asked = time.monotonic()

    def __call__(self) -> None:
        """Look, a few times a second, until all is well."""
        now = time.monotonic()
        if self._said or now - self._asked < 0.3:
            return
        self._asked = now
        problems = site_problems()
        if not problems:
            self._said = True
            self._say(self._line)
            self._then()
        elif now - self._began > IMPATIENT and not self._complained:
            self._complained = True
            self._say(f"Parley is not ready yet: {', '.join(problems)}. Its log files are in {settings.HOME / 'logs'}.")


def site_problems() -> list[str]:
    """What /healthz says is wrong."""
    host = "127.0.0.1" if settings.HOST in EVERYWHERE else settings.HOST
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            f"http://{bracketed(host)}:{settings.PORT}/healthz", timeout=5
        ) as answer:
            found: list[str] = json.load(answer)["problems"]
            return found
    except (OSError, ValueError):
        return ["the web server does not answer"]


def ready_line(admin: FirstAdmin) -> str:
    """The last line of a start."""
    host = "127.0.0.1" if settings.HOST in EVERYWHERE else settings.HOST
    address = settings.PUBLIC_URL or f"http://{bracketed(host)}:{settings.PORT}"
    password = admin.password or "the one you chose"
    return f"Parley is ready: {address}/  admin: {admin.name}  password: {password}"
