"""What a start checks and says."""

from __future__ import annotations

import json
import socket
import sys
from contextlib import suppress
from unittest.mock import Mock

import pytest
from django.core.management import CommandError, call_command

from modeling.errors import ConfigError
from webapp.accounts.services import FirstAdmin
from webapp.jobs import packages
from webapp.operations.budget import Budget
from webapp.operations.management.commands import start
from webapp.operations.management.commands.start import programs, ready_line
from webapp.operations.port import require_free_port
from webapp.operations.supervisor import Program


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_busy_port_is_named_with_the_way_to_choose_another(taken):
    with pytest.raises(ConfigError, match=f"Port {taken} of 127.0.0.1 is busy.*make run PORT={taken + 1}"):
        require_free_port("127.0.0.1", taken)


def test_a_start_on_a_busy_port_ends_before_it_changes_anything(taken, settings):
    settings.PORT = taken
    with pytest.raises(CommandError, match="busy"):
        call_command("start")


@pytest.mark.parametrize("port", [0, 70000])
def test_a_port_that_cannot_be_is_refused(port):
    with pytest.raises(ConfigError, match="1 to 65535"):
        require_free_port("127.0.0.1", port)


def test_a_host_that_is_not_this_machine_is_refused():
    with pytest.raises(ConfigError, match="192.0.2.1"):
        require_free_port("192.0.2.1", 8021)


@pytest.mark.parametrize(("threads", "engine", "trainer"), [(1, 1, 1), (2, 2, 1), (4, 2, 2), (16, 8, 8)])
def test_engine_and_trainer_share_one_budget_of_threads(threads, engine, trainer):
    assert Budget.of(threads) == Budget(engine=engine, trainer=trainer)


def test_the_budget_can_be_set(monkeypatch):
    monkeypatch.setenv("PARLEY_THREADS", "4")
    assert Budget.from_environment() == Budget(engine=2, trainer=2)


def test_the_site_is_three_programs():
    assert [program.name for program in programs()] == ["engine", "web", "trainer"]


@pytest.fixture
def fresh(monkeypatch, settings):
    """A machine that serves and cannot train yet, in the environment that install.py made."""
    monkeypatch.setattr(start, "missing_packages", lambda: ["torch==2.13.0"])
    monkeypatch.setattr(packages, "missing_packages", lambda: ["torch==2.13.0"])
    monkeypatch.setattr(sys, "prefix", str(settings.ROOT / ".venv"))
    monkeypatch.delenv("PARLEY_TRAINING", raising=False)
    yield
    packages.note_file().unlink(missing_ok=True)


def added(supervisor) -> list[Program]:
    start.announce_installation()
    start.prepare_training(supervisor)
    return [call.args[0] for call in supervisor.add.call_args_list]


def test_a_fresh_machine_installs_what_training_needs_while_it_serves(fresh):
    (program,) = added(Mock())
    assert program.command[-1] == "installtraining" and program.once and program.niceness == 19
    assert packages.training_packages().state == packages.INSTALLING


@pytest.mark.parametrize("why", ["told not to", "another environment", "all there"])
def test_nothing_is_installed_where_that_is_not_wanted(fresh, monkeypatch, why):
    if why == "told not to":
        monkeypatch.setenv("PARLEY_TRAINING", "0")
    elif why == "another environment":
        monkeypatch.setattr(sys, "prefix", "/usr")
    else:
        monkeypatch.setattr(start, "missing_packages", lambda: [])
    assert added(Mock()) == []


@pytest.mark.parametrize(("script", "state"), [("1", "ready"), ("raise SystemExit('no network')", "failed")])
def test_the_installation_writes_down_how_it_went(fresh, monkeypatch, tmp_path, settings, script, state):
    (tmp_path / "install.py").write_text(script)
    settings.ROOT = tmp_path
    with suppress(CommandError):
        call_command("installtraining")
    told = json.loads(packages.note_file().read_text())
    assert told["state"] == state and ("no network" in told["detail"]) is (state == "failed")


def test_the_ready_line_names_address_admin_and_password(settings):
    settings.HOST, settings.PORT, settings.PUBLIC_URL = "127.0.0.1", 8000, ""
    line = ready_line(FirstAdmin(name="admin", password="secret"))
    assert line == "Parley is ready: http://127.0.0.1:8000/  admin: admin  password: secret"


def test_the_ready_line_gives_the_public_address_and_no_password_that_was_changed(settings):
    settings.PUBLIC_URL = "https://chat.example.org"
    line = ready_line(FirstAdmin(name="admin", password=None))
    assert line.startswith("Parley is ready: https://chat.example.org/ ") and line.endswith("the one you chose")
