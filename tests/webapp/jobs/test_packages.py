"""What is known of the packages for training, and who waits for them."""

from __future__ import annotations

import os

import pytest

from webapp.jobs import packages
from webapp.jobs.kinds import Kind
from webapp.jobs.packages import FAILED, INSTALLING, MISSING, READY, tell_installation, training_packages
from webapp.jobs.trainer import runnable
from webapp.jobs.worker import process


@pytest.fixture(autouse=True)
def _no_note():
    yield
    packages.note_file().unlink(missing_ok=True)


@pytest.fixture
def without_torch(monkeypatch):
    monkeypatch.setattr(packages, "missing_packages", lambda: ["torch==2.13.0"])


def test_what_is_installed_in_its_version_is_not_missing(monkeypatch):
    monkeypatch.setattr(packages, "version", lambda name: {"torch": "2.13.0+cpu", "onnx": "1.0"}.get(name, "0"))
    missing = [wanted.partition("==")[0] for wanted in packages.missing_packages()]
    assert "onnx" in missing and "torch" not in missing


@pytest.mark.usefixtures("without_torch")
def test_a_running_installation_says_so_and_a_dead_one_has_failed():
    assert training_packages().state == MISSING
    tell_installation(state=INSTALLING, process=process(os.getpid()))
    assert training_packages().state == INSTALLING
    tell_installation(state=INSTALLING, process="4194305:1")
    assert training_packages().state == FAILED and "interrupted" in training_packages().detail


@pytest.mark.usefixtures("without_torch")
def test_a_failed_installation_says_why():
    tell_installation(state=FAILED, detail="pip found no torch")
    assert training_packages().detail == "pip found no torch"
    assert "next start" in training_packages().notice


def test_a_failure_of_long_ago_does_not_matter_once_all_is_there(monkeypatch):
    monkeypatch.setattr(packages, "missing_packages", lambda: [])
    tell_installation(state=FAILED, detail="pip found no torch")
    assert training_packages().state == READY and training_packages().notice == ""


@pytest.mark.usefixtures("without_torch")
def test_only_what_trains_waits_for_them(having):
    having(train=Kind(lane="long", trains=True), measure=Kind(lane="long"))
    assert runnable("long") == ["measure"]
