"""What the log says, and what it never says."""

from __future__ import annotations

import io
import json
import logging
import logging.config
from collections.abc import Iterator

import pytest
from django.urls import reverse

from webapp.accounts.models import User
from webapp.logs import JsonLines, Lines, as_object, logging_settings, masked

SECRET = "kP3v-9xQ_0aZ7tYw2mN4bV6cX8lK1jH5gF3dS9aQ0eU"


@pytest.mark.parametrize("text", [
    f"GET /s/{SECRET}/ 200", f"/ws/s/{SECRET}/0f9c/", f'"GET /join/{SECRET}/?a=b HTTP/1.1"', f"/s/{SECRET}",
    f"Not Found: /s/{SECRET}/embed/?ticket={SECRET}", f"password={SECRET}&x=1",
])
def test_what_opens_a_door_is_masked(text):
    assert SECRET not in masked(text) and "***" in masked(text)


def test_other_paths_stay():
    for path in ("/sign-in/", "/admin/sharing/sharelink/", "/c/0f9c/", "/static/parley/parley.css", "/s/"):
        assert masked(path) == path


@pytest.fixture(params=["json", ""])
def lines(request, settings) -> Iterator[io.StringIO]:
    """What goes to standard error in either form."""
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    handler.setFormatter(JsonLines() if request.param == "json" else Lines(
        logging_settings("")["formatters"]["line"]["fmt"], style="{"))
    logging.getLogger().addHandler(handler)
    said.json = request.param == "json"
    yield said
    logging.getLogger().removeHandler(handler)


@pytest.mark.django_db
def test_a_request_is_one_line_with_who_what_and_how_long(client, lines):
    ada = User.objects.create_user("ada")
    client.force_login(ada)
    answer = client.get(reverse("account"), headers={"X-Request-ID": "proxy-12345"})
    assert answer["X-Request-ID"] == "proxy-12345"
    last = lines.getvalue().splitlines()[-1]
    if not lines.json:
        assert "INFO parley.request: GET /account/ 200" in last and f"user {ada.pk}" in last
        return
    told = json.loads(last)
    assert told.pop("milliseconds") >= 0 and told.pop("time") and told.pop("message").startswith("GET /account/ 200")
    assert told == {"level": "INFO", "logger": "parley.request", "request_id": "proxy-12345", "user_id": ada.pk,
                    "method": "GET", "path": "/account/", "status": 200}


@pytest.mark.django_db
def test_no_token_no_password_and_nothing_typed_is_in_the_log(client, lines):
    client.get(f"/s/{SECRET}/?q={SECRET}")
    client.get(f"/join/{SECRET}/")
    client.post(f"/join/{SECRET}/", {"username": "x", "password1": SECRET})
    client.post(reverse("signin"), {"username": SECRET, "password": SECRET})
    client.get(f"/nothing/?text={SECRET}")
    assert len(lines.getvalue().splitlines()) >= 5 and SECRET not in lines.getvalue()


@pytest.mark.django_db
def test_a_path_cannot_write_lines_of_its_own_nor_talk_to_the_terminal(client, lines):
    client.get("/nothing%0A2026-01-01 00:00:00 ERROR parley: forged%1B%5B2J%E2%80%A8")
    assert "forged" in lines.getvalue()
    assert all("parley.request" in line or "Not Found" in line for line in lines.getvalue().splitlines())
    assert "\x1b" not in lines.getvalue() and "\\u001b" not in lines.getvalue()


def test_a_traceback_is_one_object_and_masked(lines):
    try:
        raise ValueError(f"/s/{SECRET}/")
    except ValueError:
        logging.getLogger("parley").exception("it broke")
    assert SECRET not in lines.getvalue()
    if lines.json:
        told = json.loads(lines.getvalue())
        assert told["message"] == "it broke" and "ValueError" in told["traceback"]


def test_an_id_that_is_no_id_is_not_taken_over(client, lines, db):
    answer = client.get("/healthz", headers={"X-Request-ID": 'x" injected'})
    assert len(answer["X-Request-ID"]) == 32


@pytest.mark.parametrize("form", ["json", "", "lines"])
def test_each_form_is_a_valid_configuration(form):
    logging.config.DictConfigurator(logging_settings(form))


@pytest.mark.parametrize("line", ["Traceback (most recent call last):", "{not json", "password: hunter2", ""])
def test_what_other_processes_write_becomes_an_object(line):
    told = json.loads(as_object("engine", line))
    assert told["logger"] == "engine" and "hunter2" not in told["message"]


def test_what_is_an_object_already_stays():
    assert as_object("web", '{"message": "x"}') == '{"message": "x"}'
