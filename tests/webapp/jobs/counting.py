"""A site with one kind of job that counts, saves what it has, and can be killed at any moment. Run as a program:

`counting.py prepare` makes the database and queues a count; `counting.py work LEASE` is its trainer;
`counting.py count FOLDER` is the child.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

STEPS, PAUSE, EVERY = 60, 0.04, 5  # steps, seconds between two, steps between two saved states


class Counting:
    """Steps as rows with who wrote them (users, because they are at hand), each possible once; a file of the sum."""

    def __init__(self, job: Any) -> None:
        from django.conf import settings

        self.home, self.attempt = Path(settings.HOME) / "counts", job.attempt
        self.folder = self.home / str(job.attempt)
        self.step = 0

    def command(self) -> list[str]:
        self.folder.mkdir(parents=True, exist_ok=True)
        states = [json.loads(path.read_text()) for path in self.home.glob("*/state.json")]
        if states:
            (self.folder / "state.json").write_text(json.dumps(max(states)))
        return [sys.executable, __file__, "count", str(self.folder)]

    def event(self, event: dict[str, Any]) -> None:
        from webapp.accounts.models import User

        if event["event"] == "resumed":
            User.objects.filter(pk__gt=event["step"]).delete()
        else:
            self.step = event["step"]
            User.objects.create(pk=self.step, username=f"step {self.step}", first_name=str(os.getpid()))

    def progress(self) -> dict[str, Any]:
        return {"progress": self.step / STEPS}

    def finished(self, result: Any) -> Any:
        if (self.folder / "sum").exists():
            (self.folder / "sum").replace(self.home / "sum")
        return result

    def ended(self, *, state: str, error: str) -> None:
        pass


def count(folder: Path) -> None:
    saved = folder / "state.json"
    step, total = json.loads(saved.read_text()) if saved.exists() else (0, 0)
    print(json.dumps({"event": "resumed", "step": step}), flush=True)
    while step < STEPS:
        step, total = step + 1, total + step + 1
        print(json.dumps({"event": "step", "step": step}), flush=True)
        if step % EVERY == 0:
            (folder / "draft").write_text(json.dumps([step, total]))
            (folder / "draft").replace(saved)
        time.sleep(PAUSE)
    (folder / "sum").write_text(str(total))
    print(json.dumps({"result": total}), flush=True)


def site() -> None:
    sys.path[:0] = [str(Path(__file__).resolve().parents[3]), str(Path(__file__).parent)]
    os.environ["DJANGO_SETTINGS_MODULE"] = "webapp.settings"
    import django

    django.setup()
    from webapp.jobs import kinds

    kinds.KINDS = {"count": kinds.Kind(handler="counting.Counting", attempts=9)}


def prepare() -> None:
    from django.core.management import call_command

    from webapp.jobs.services import enqueue

    call_command("migrate", verbosity=0)
    enqueue(kind="count")


def work(lease: float) -> None:
    from django.conf import settings

    from webapp.jobs.trainer import Trainer

    trainer = Trainer(logs=settings.HOME / "logs", threads=1, lease=timedelta(seconds=lease))
    while True:
        trainer.step()
        time.sleep(0.05)


if __name__ == "__main__":
    if sys.argv[1] == "count":
        count(Path(sys.argv[2]))
    else:
        site()
        prepare() if sys.argv[1] == "prepare" else work(float(sys.argv[2]))
