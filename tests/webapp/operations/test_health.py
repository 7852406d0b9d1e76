"""Health and metrics with a real engine process."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from modeling.export import export_lexrank
from webapp.jobs.process import ChildProcess

pytestmark = pytest.mark.django_db


@pytest.fixture
def engine(tmp_path: Path, settings) -> Iterator[ChildProcess]:
    folder = Path(tempfile.mkdtemp(dir="/tmp"))  # a socket's path has to be short
    settings.ENGINE_SOCKET = folder / "e.sock"
    export_lexrank(tmp_path / "roots" / "summary")
    process = ChildProcess([
        sys.executable, "-m", "modeling.inference.server", "--socket", str(settings.ENGINE_SOCKET),
        "--threads", "1", "--roots", str(tmp_path / "roots"), "--preload", str(tmp_path / "roots" / "summary"),
    ])
    deadline = time.monotonic() + 20
    while not settings.ENGINE_SOCKET.exists():
        assert process.ended() is None and time.monotonic() < deadline, process.lines()
        time.sleep(0.05)
    yield process
    process.end(5)
    process.close()
    shutil.rmtree(folder)


def loaded(client) -> dict:
    deadline = time.monotonic() + 20
    while not (body := client.get("/healthz").json())["models"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return body


def test_health_shows_the_engine_and_its_models_without_their_paths(client, engine, tmp_path):
    body = loaded(client)
    assert body["status"] == "ok" and "onnxruntime" in body["versions"]
    assert "CPUExecutionProvider" in body["providers"]
    assert [model["artifact"] for model in body["models"]] == ["summary"]
    assert str(tmp_path) not in str(body)


def test_metrics_show_the_engine_and_its_models(client, engine):
    loaded(client)
    text = client.get("/metrics").text
    assert "parley_engine_up 1.0" in text
    assert 'parley_engine_running{model="summary"} 0.0' in text


def test_health_notices_that_the_engine_is_gone(client, engine):
    loaded(client)
    engine.kill()
    body = client.get("/healthz").json()
    assert body["status"] == "degraded" and body["models"] == []
