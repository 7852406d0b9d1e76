"""Counts requests for /metrics, and writes a line about each into the log."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponseBase
from django.utils.encoding import escape_uri_path

from webapp.logs import request_id
from webapp.metrics import REQUEST_SECONDS, REQUESTS

Handler = Callable[[HttpRequest], "HttpResponseBase | Awaitable[HttpResponseBase]"]
METHODS = ("GET", "HEAD", "POST", "PUT")
QUIET = ("/static/", "/healthz", "/metrics")  # asked for all the time; told only at the level DEBUG
GIVEN = re.compile(r"[\w.-]{8,64}")  # an id that a proxy may have given
log = logging.getLogger("parley.request")


class RequestsMiddleware:
    """How many pages were answered, how, and in which time. Each request has an id, its own or the proxy's."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        self._asynchronous = iscoroutinefunction(get_response)
        if self._asynchronous:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._asynchronous:
            return self._later(request)
        began = self._begin(request)
        return self._end(request, self.get_response(request), began)

    async def _later(self, request: HttpRequest) -> HttpResponseBase:
        began = self._begin(request)
        return self._end(request, await self.get_response(request), began)

    def _begin(self, request: HttpRequest) -> float:
        given = request.headers.get("X-Request-ID", "")
        request_id.set(given if GIVEN.fullmatch(given) else uuid.uuid4().hex)
        return time.perf_counter()

    def _end(self, request: HttpRequest, response: HttpResponseBase, began: float) -> HttpResponseBase:
        seconds = time.perf_counter() - began
        REQUESTS.labels(request.method if request.method in METHODS else "other", response.status_code).inc()
        REQUEST_SECONDS.observe(seconds)
        response["X-Request-ID"] = request_id.get()
        _tell(request, response.status_code, round(seconds * 1000, 1))
        return response


def _tell(request: HttpRequest, status: int, milliseconds: float) -> None:
    """The path without its query, in which people may have typed something; as it came, so that it is one line."""
    user, method, path = _user_id(request), escape_uri_path(request.method), escape_uri_path(request.path)
    log.log(
        logging.DEBUG if request.path.startswith(QUIET) else logging.INFO,
        "%s %s %d %.0f ms%s", method, path, status, milliseconds, f" user {user}" if user else "",
        extra={"method": method, "path": path, "status": status, "milliseconds": milliseconds, "user_id": user},
    )


def _user_id(request: HttpRequest) -> int | None:
    """Who is signed in, as far as this request had to know; no database is asked for the log."""
    session = getattr(request, "session", None)
    if session is None or not session.accessed:
        return None
    known = session.get(SESSION_KEY)
    return int(known) if known else None
