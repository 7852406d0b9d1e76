"""/healthz and /metrics."""

from __future__ import annotations

import json

import pytest

from webapp.jobs.services import claim, enqueue

pytestmark = pytest.mark.django_db


def test_health_without_an_engine_is_degraded_and_still_200(client):
    answer = client.get("/healthz")
    body = answer.json()
    assert (answer.status_code, body["status"]) == (200, "degraded")
    assert "the engine does not answer" in body["problems"]
    assert {"parley", "python", "django"} <= set(body["versions"])
    assert body["database"]["ok"] is True


def test_health_says_which_process_is_gone(client, settings):
    states = {"engine": {"pid": 2**22 + 1, "started": 1.0, "restarts": 4}}
    file = settings.HOME / "processes.json"
    file.write_text(json.dumps(states))
    try:
        body = client.get("/healthz").json()
    finally:
        file.unlink()
    assert body["processes"]["engine"]["alive"] is False
    assert "engine is not running" in body["problems"]


def test_health_and_metrics_tell_the_queue_by_kind_and_whether_trainings_can_start(client):
    for _ in range(2):
        enqueue(kind="retention")
    claim(worker="one", kinds=["retention"])
    body, metrics = client.get("/healthz").json(), client.get("/metrics").text
    assert body["database"]["kinds"] == {"retention": {"queued": 1, "running": 1}}
    assert body["database"]["jobs"] == {"queued": 1, "running": 1}
    assert body["training"]["packages"] == "ready" and "parley_training_ready 1.0" in metrics
    assert 'parley_jobs{kind="retention",state="queued"} 1.0' in metrics


def test_metrics_are_for_this_machine(client):
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert "parley_engine_up 0.0" in answer.text and "parley_requests_total" in answer.text


@pytest.mark.parametrize("caller", [
    {"REMOTE_ADDR": "198.51.100.7"},
    {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "198.51.100.7"},
    {"REMOTE_ADDR": ""},
])
def test_metrics_are_for_no_stranger_nor_for_one_behind_a_proxy(client, caller):
    assert client.get("/metrics", **caller).status_code == 403


def test_metrics_are_for_who_has_the_token(client, monkeypatch):
    monkeypatch.setenv("PARLEY_METRICS_TOKEN", "a-long-token")
    stranger = {"REMOTE_ADDR": "198.51.100.7"}
    assert client.get("/metrics", headers={"Authorization": "Bearer a-long-token"}, **stranger).status_code == 200
    assert client.get("/metrics", headers={"Authorization": "Bearer another"}, **stranger).status_code == 403


def test_metrics_are_for_staff(admin_client):
    assert admin_client.get("/metrics", REMOTE_ADDR="198.51.100.7").status_code == 200


@pytest.mark.breaks
def test_a_fault_of_ours_is_said_calmly_and_without_details(client, monkeypatch):
    def broken() -> None:
        raise RuntimeError("a secret of the program")

    monkeypatch.setattr("webapp.operations.views.health", broken)
    client.raise_request_exception = False
    answer = client.get("/healthz")
    assert answer.status_code == 500 and "Something went wrong" in answer.text and "secret" not in answer.text
