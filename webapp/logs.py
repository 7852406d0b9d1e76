"""What the log looks like: lines for people, or with PARLEY_LOG=json one JSON object a line for machines.

Tokens of share links and invitations stand in paths, so they are masked wherever a path is written.
"""

from __future__ import annotations

import json
import logging
import os
import re
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from pythonjsonlogger.json import JsonFormatter

SECRET_PATH = re.compile(r"(/(?:s|join)/)[^/\s\"'?#<>]+")
SECRET_FIELD = re.compile(r"\b((?:token|ticket|password|secret|key)=)[^&\s\"']+", re.IGNORECASE)
SPOKEN = re.compile(r"(password: ).*", re.IGNORECASE)  # as the last line of a start says it to a person
PLAIN = "{asctime} {levelname} {name}: {message}"
FORM = os.environ.get("PARLEY_LOG", "")  # "json", or lines for people
request_id: ContextVar[str] = ContextVar("request_id", default="")


def masked(text: str) -> str:
    """The text without what opens a door: tokens in paths, values of secret fields in query strings."""
    return SECRET_FIELD.sub(r"\1***", SECRET_PATH.sub(r"\1***", text))


class Lines(logging.Formatter):
    """For people."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback where there is one."""
        return masked(super().format(record))


class JsonLines(JsonFormatter):
    """For machines: time, level, logger, message, the request's id, and what the caller added with `extra`."""

    def __init__(self) -> None:
        """The names of the fields are fixed."""
        super().__init__(
            "{asctime}{levelname}{name}{message}", style="{", datefmt="%Y-%m-%dT%H:%M:%S%z", json_ensure_ascii=False,
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger", "exc_info": "traceback"},
        )

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """With the id of the request during which it was said. Django's own extras are no data."""
        super().add_fields(log_data, record, message_dict)
        for name in ("request", "server_time"):
            log_data.pop(name, None)
        if request_id.get():
            log_data.setdefault("request_id", request_id.get())

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        return masked(super().format(record))


def as_object(program: str, line: str) -> str:
    """What a process wrote as a JSON object on a line: its own, or one around its words."""
    if line.startswith("{"):
        try:
            json.loads(line)
            return line
        except ValueError:
            pass
    now = datetime.now(UTC).isoformat(timespec="seconds")
    said = SPOKEN.sub(r"\1***", masked(line))
    return json.dumps({"time": now, "level": "INFO", "logger": program, "message": said}, ensure_ascii=False)


def logging_settings(form: str) -> dict[str, Any]:
    """Django's LOGGING. `form` is "json", or anything else for lines."""
    formatter = {"()": JsonLines} if form == "json" else {"()": Lines, "fmt": PLAIN, "style": "{"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            "django.channels.server": {"level": "WARNING"},
            "daphne": {"level": "WARNING"},
        },
    }
