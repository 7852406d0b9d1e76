"""What becomes of a search: its command, its trials as they come, its end."""

from __future__ import annotations

import shutil
import sys
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop as _

from modeling.errors import RequestError
from modeling.experiments import JOURNAL
from webapp.experiments.models import Search, Trial
from webapp.jobs.handlers import Event, folder_of_attempt
from webapp.jobs.models import Job
from webapp.training.services import base_folder

FIELDS = ("settings", "state", "value", "curve")


class SearchHandler:
    """Each attempt has a folder; the journal of an earlier one is carried over into it, so that its trials count."""

    def __init__(self, job: Job) -> None:
        """Raises RequestError when the search is gone."""
        search = Search.objects.select_related("version", "parent").filter(pk=job.arguments["search"]).first()
        if search is None:
            raise RequestError(_("The search was deleted"))
        self.search, self.attempt = search, job.attempt
        self.folder = folder_of_attempt(search.folder, job.attempt)
        self._progress: dict[str, Any] = {}

    def command(self) -> list[str]:
        """`python -m modeling search` on the version's splits."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._carry_over()
        search, version = self.search, self.search.version
        return [
            sys.executable, "-m", "modeling", "search", str(version.split("train")), "--validation",
            str(version.split("validation")), "--task", search.task, "--model", search.model, "--trials",
            str(search.trials_wanted), "--seed", str(search.seed), "--out", str(self.folder), "--space",
            *(f"{name}={text}" for name, text in search.space.items()),
            *(["--from", search.parent.path] if search.parent else []),
            *(["--from", str(base_folder(search.base))] if search.base else []),
        ]

    def event(self, event: Event) -> None:
        """A trial's news into its row."""
        self._progress |= {key: event[key] for key in ("progress", "note", "seconds_left") if key in event}
        if event.get("event") == "trial":
            Trial.objects.update_or_create(
                search=self.search, number=event["number"],
                defaults={name: event[name] for name in FIELDS} | {"text": event.get("text", "")})

    def progress(self) -> dict[str, Any]:
        """Trials that are over, of all."""
        return self._progress

    def finished(self, result: Any) -> Any:
        """The best settings stay; the journal goes."""
        Search.objects.filter(pk=self.search.pk).update(result=result)
        transaction.on_commit(lambda: shutil.rmtree(self.search.folder, ignore_errors=True))
        return {"search": str(self.search.pk)}

    def ended(self, *, state: str, error: str) -> None:
        """What was tried until then stays to be seen, and to go on from."""
        Trial.objects.filter(search_id=self.search.pk, state="running").update(state="failed", text=error[-2000:])

    def _carry_over(self) -> None:
        earlier = sorted((int(one.name) for one in self.search.folder.iterdir() if one.name.isdigit()), reverse=True)
        for number in earlier:
            journal = folder_of_attempt(self.search.folder, number) / JOURNAL
            if number < self.attempt and journal.is_file():
                shutil.copyfile(journal, self.folder / JOURNAL)
                return
