"""A small table, and what a browser sends."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client
from django.urls import reverse

from webapp.datasets.models import DatasetVersion

KINDS = (("ham", "tea"), ("spam", "money"))
TABLE = "label,text\n" + "".join(f"{label},message {i} about {thing}\n" for i in range(40) for label, thing in KINDS)


def begin(page: Client, **wanted: Any) -> Any:
    """The first request of an upload."""
    return page.post(reverse("admin:datasets_upload_begin"), json.dumps(wanted), content_type="application/json")


def piece_address(upload: Any, offset: Any) -> str:
    return f"{reverse('admin:datasets_upload_piece', args=[upload])}?offset={offset}"


def put(page: Client, upload: Any, offset: Any, data: bytes) -> Any:
    """One piece."""
    return page.put(piece_address(upload, offset), data, content_type="application/octet-stream")


def report_of(version: DatasetVersion) -> str:
    """The address of a version's page."""
    return reverse("admin:datasets_version_report", args=[version.pk])
