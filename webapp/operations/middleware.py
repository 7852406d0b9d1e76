"""Counts requests for /metrics."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase

from webapp.metrics import REQUEST_SECONDS, REQUESTS

Handler = Callable[[HttpRequest], "HttpResponseBase | Awaitable[HttpResponseBase]"]


class MetricsMiddleware:
    """How many pages were answered, how, and in which time."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        self._asynchronous = iscoroutinefunction(get_response)
        if self._asynchronous:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._asynchronous:
            return self._later(request)
        began = time.perf_counter()
        return self._counted(request, self.get_response(request), began)

    async def _later(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        return self._counted(request, await self.get_response(request), began)

    def _counted(self, request: HttpRequest, response: HttpResponseBase, began: float) -> HttpResponseBase:
        REQUESTS.labels(request.method if request.method in ("GET", "HEAD", "POST") else "other",
                        response.status_code).inc()
        REQUEST_SECONDS.observe(time.perf_counter() - began)
        return response
