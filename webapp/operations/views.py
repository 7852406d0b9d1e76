"""/healthz and /metrics."""

from __future__ import annotations

import ipaddress
import os
import secrets

from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from webapp.operations.exposition import exposition
from webapp.operations.health import health


@never_cache
@require_safe
async def healthz(request: HttpRequest) -> JsonResponse:
    """200 as long as the site answers; `status` says whether all of it does."""
    return JsonResponse(await health())


@never_cache
@require_safe
async def metrics(request: HttpRequest) -> HttpResponse:
    """For Prometheus: from this machine, with the token of PARLEY_METRICS_TOKEN, or for staff."""
    if not (_direct_from_here(request) or _has_token(request) or (await request.auser()).is_staff):
        return HttpResponseForbidden("From this machine, with a token, or for staff only.", content_type="text/plain")
    return HttpResponse(await exposition(), content_type=CONTENT_TYPE_LATEST)


def _direct_from_here(request: HttpRequest) -> bool:
    """Whether the caller is on this machine. Behind a proxy everybody seems to be, so a forwarded request is not."""
    if any(name.startswith(("HTTP_X_FORWARDED", "HTTP_FORWARDED", "HTTP_VIA")) for name in request.META):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def _has_token(request: HttpRequest) -> bool:
    token = os.environ.get("PARLEY_METRICS_TOKEN", "")
    given = request.headers.get("Authorization", "")
    return bool(token) and secrets.compare_digest(given.encode(), f"Bearer {token}".encode())
