"""The rows of a run: few enough for its page, however long it runs and however often it was interrupted."""

from __future__ import annotations

from webapp.training import events, presentation
from webapp.training.events import Recorder
from webapp.training.models import LOG, SAMPLES, STEP, RunEvent


def write(run, kind, count):
    RunEvent.objects.bulk_create(RunEvent(run=run, attempt=1, kind=kind, step=step, data={"step": step, "loss": 1.0})
                                 for step in range(1, count + 1))


def test_many_short_attempts_keep_no_more_rows_than_a_long_one(run, monkeypatch):
    monkeypatch.setattr(events, "ROWS", 10)
    write(run, STEP, 20)
    recorder = Recorder(run, 2)
    recorder.record({"event": "resumed", "step": 20})
    recorder.record({"event": "step", "step": 21, "steps": 30, "loss": 1.0})
    assert RunEvent.objects.filter(run=run, kind=STEP).count() <= 11


def test_a_page_reads_the_end_of_a_long_log_and_all_of_the_curves(run):
    write(run, LOG, 300)
    write(run, SAMPLES, 20)
    write(run, STEP, 30)
    shown = presentation.shown(run)
    assert [one.step for one in shown if one.kind == LOG] == list(range(101, 301))
    assert [one.step for one in shown if one.kind == SAMPLES] == list(range(15, 21))
    assert len([one for one in shown if one.kind == STEP]) == 30
