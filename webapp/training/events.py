"""What a training's child says, as rows: each step once, however often the training is killed and resumed."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from webapp.training.models import EVALUATION, LOG, SAMPLES, STEP, RunEvent, TrainingRun

CURVES = (STEP, EVALUATION, SAMPLES)
ROWS = 2000  # STEP rows of a run; beyond, every second one goes, so that a month of training stays as light as a minute
FACTS = ("steps", "parameters", "precision", "examples", "config", "epochs")


class Recorder:
    """Writes the events of one attempt. Call inside of the transaction that checks the attempt.

    The same event may come twice, when its first transaction failed: nothing here counts on having been committed.
    """

    def __init__(self, run: TrainingRun, attempt: int) -> None:
        self.run, self.attempt = run, attempt
        self.progress: dict[str, Any] = {}
        self._since = self._resumed_at()  # the step that this attempt goes on from
        self._lines = self._steps = 0

    def record(self, event: dict[str, Any]) -> None:
        """One event of the child, in order."""
        kind = str(event.get("event", ""))
        data = {key: value for key, value in event.items() if key != "event"}
        if kind in CURVES:
            self._point(kind, data)
        elif kind == "resumed":
            self._since = int(data["step"])
            self._drop_what_is_void()
            self.log(kind, **data)
        elif kind == "started":
            self.run.facts |= {key: data[key] for key in FACTS if key in data}
            self.run.save(update_fields=("facts",))
            self.log(kind, **data)
        elif kind == "checkpoint":
            self._saved(data)
        elif kind and kind != "finished" and "done" not in data:  # how far a measuring is makes no line
            self.log(kind, **data)
        self._follow(kind, data)

    def log(self, kind: str, **data: Any) -> None:
        """A line of the run's log, in the order of writing."""
        if not self._lines:
            last = self._rows(LOG).order_by("-step").values_list("step", flat=True).first()
            self._lines = last or 0
        self._lines += 1
        RunEvent.objects.create(run=self.run, attempt=self.attempt, kind=LOG, step=self._lines,
                                data={"event": kind, **data})

    def _resumed_at(self) -> int:
        """As an earlier recorder of the same attempt noted it, where there was one."""
        noted = self._rows(LOG).filter(attempt=self.attempt, data__event="resumed").order_by("-step").first()
        return int(noted.data["step"]) if noted else 0

    def _saved(self, data: dict[str, Any]) -> None:
        """One line tells of the newest checkpoint, however many there were before it."""
        last = self._rows(LOG).order_by("-step").first()
        if last and last.data.get("event") == "checkpoint":
            last.data["step"], last.created = data["step"], timezone.now()
            last.save(update_fields=("data", "created"))
        else:
            self.log("checkpoint", step=data["step"])

    def _point(self, kind: str, data: dict[str, Any]) -> None:
        self._drop_what_is_void()
        RunEvent.objects.update_or_create(run=self.run, kind=kind, step=int(data["step"]),
                                          defaults={"attempt": self.attempt, "data": data})
        if kind == STEP:
            if self._steps % 500 == 0:  # also at the first one: many short attempts make a long run too
                self._thin()
            self._steps += 1

    def _drop_what_is_void(self) -> None:
        """What earlier attempts said about steps after the one that this attempt goes on from."""
        void = RunEvent.objects.filter(run=self.run, kind__in=CURVES, attempt__lt=self.attempt, step__gt=self._since)
        void.delete()

    def _thin(self) -> None:
        rows = list(self._rows(STEP).order_by("step").values_list("pk", flat=True))
        if len(rows) > ROWS:
            RunEvent.objects.filter(pk__in=rows[1::2]).delete()

    def _rows(self, kind: str) -> Any:
        return RunEvent.objects.filter(run=self.run, kind=kind)

    def _follow(self, kind: str, data: dict[str, Any]) -> None:
        """Where the attempt stands, for the queue. The last twentieth is for measuring and writing the artifact."""
        if kind == STEP:
            self.progress = {"progress": 0.95 * data["step"] / max(1, data["steps"]), "note": "",
                             "seconds_left": data.get("seconds_left")}
        elif kind in ("measuring", "exporting"):
            measured = 0.03 * data.get("done", 0) / max(1, data.get("rows", 1))
            self.progress = {"progress": 0.95 + measured if kind == "measuring" else 0.98, "note": kind,
                             "seconds_left": None}
