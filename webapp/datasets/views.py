"""Pages of datasets in the admin. What a person may not see is not there: 404."""

from __future__ import annotations

import json
import uuid
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from modeling.errors import DataError
from modeling.tasks import TASKS
from webapp.datasets import exports, presentation, services, sources, uploads
from webapp.datasets.forms import NameForm, NewDatasetForm, TaskForm, VersionForm
from webapp.datasets.models import SPLITS, Dataset, DatasetVersion, Upload, VersionState
from webapp.wording import said

REPORT = "admin:datasets_version_report"


def _page(request: HttpRequest, template: str, *, title: str, **context: Any) -> HttpResponse:
    return render(request, template, {**admin.site.each_context(request), "opts": Dataset._meta, "title": title,
                                      **context})


def _version(request: HttpRequest, version_id: uuid.UUID) -> DatasetVersion:
    visible = DatasetVersion.objects.visible_to(request.user).select_related("dataset", "dataset__owner", "job")
    return get_object_or_404(visible, pk=version_id)


@require_http_methods(["GET", "HEAD", "POST"])
def new_dataset(request: HttpRequest) -> HttpResponseBase:
    """Upload, paste, import or try a sample; then its report."""
    files = sources.server_files()
    form = NewDatasetForm(request.POST if request.method == "POST" else None, owner=request.user, server_files=files)
    if form.is_bound and form.is_valid() and (dataset := form.save()):
        return redirect(REPORT, dataset.versions.get().pk)
    waiting = Upload.objects.filter(owner=request.user)
    return _page(request, "datasets/new.html", title=_("New dataset"), form=form, files=files, waiting=waiting,
                 has_folder=settings.DATASET_FOLDER is not None, most=settings.DATASET_BYTES, tasks=TASKS,
                 piece=uploads.PIECE)


def dataset(request: HttpRequest, dataset_id: str) -> HttpResponseBase:
    """A dataset is shown by its newest version."""
    try:
        found = get_object_or_404(Dataset.objects.visible_to(request.user), pk=uuid.UUID(dataset_id))
    except ValueError:
        raise Http404 from None
    return redirect(REPORT, found.versions.first().pk)


@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest, version_id: uuid.UUID) -> HttpResponseBase:
    """What is in a version, growing while it is read. Sent back changed, it makes the next version."""
    version = services.settle(version=_version(request, version_id))
    form = VersionForm(request.POST if request.method == "POST" else None, version=version)
    if form.is_bound and form.is_valid():
        return redirect(REPORT, form.save().pk)
    return _report(request, version, form)


def _report(request: HttpRequest, version: DatasetVersion, form: VersionForm, **context: Any) -> HttpResponse:
    template = "datasets/report_fragment.html" if request.htmx else "datasets/report.html"
    return _page(request, template, title=str(version), form=form, **presentation.page(version), **context)


@require_POST
def read_for_task(request: HttpRequest, version_id: uuid.UUID) -> HttpResponseBase:
    """Read the same files for another job."""
    version, form = _version(request, version_id), TaskForm(request.POST)
    if not form.is_valid():
        return _report(request, services.settle(version=version), VersionForm(version=version), task_form=form)
    return redirect(REPORT, services.read_for_task(dataset=version.dataset, task=form.cleaned_data["task"]).pk)


@require_POST
def rename(request: HttpRequest, version_id: uuid.UUID) -> HttpResponseBase:
    """Call the dataset otherwise."""
    version, form = _version(request, version_id), NameForm(request.POST)
    if not form.is_valid():
        return _report(request, services.settle(version=version), VersionForm(version=version), name_form=form)
    services.rename(dataset=version.dataset, name=form.cleaned_data["name"])
    return redirect(REPORT, version.pk)


@require_POST
def delete_version(request: HttpRequest, version_id: uuid.UUID) -> HttpResponseBase:
    """Remove one version."""
    version = _version(request, version_id)
    try:
        services.delete_version(version=version)
    except DataError as fault:
        messages.error(request, said(fault))
        return redirect(REPORT, version.pk)
    return redirect(REPORT, version.dataset.versions.first().pk)


@require_GET
def problems(request: HttpRequest, version_id: uuid.UUID) -> HttpResponseBase:
    """Every bad row, as CSV."""
    version = _version(request, version_id)
    path = version.folder / "problems.jsonl"
    if version.state != VersionState.READY or not path.exists():
        raise Http404
    pieces = exports.problem_pieces(path, presentation.file_names(version))
    return exports.attachment(pieces, name=f"{version} problems.csv", content_type="text/csv; charset=utf-8")


@require_GET
def split(request: HttpRequest, version_id: uuid.UUID, name: str) -> HttpResponseBase:
    """The rows of a split, JSON lines."""
    version = _version(request, version_id)
    if name not in SPLITS or version.state != VersionState.READY or not version.split(name).exists():
        raise Http404
    return exports.attachment(exports.file_pieces(version.split(name)), name=f"{version} {name}.jsonl",
                              content_type="application/x-ndjson; charset=utf-8")


def _refusals(view: Any) -> Any:
    """DataError as JSON that the upload page shows beside the file."""
    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except uploads.OffsetError as fault:
            return JsonResponse({"error": said(fault), "received": fault.received}, status=409)
        except DataError as fault:
            return JsonResponse({"error": said(fault)}, status=400)
    return answer


@require_POST
@_refusals
def begin_upload(request: HttpRequest) -> JsonResponse:
    """{name, bytes} -> {id, received, piece}."""
    try:
        wanted = json.loads(request.body)
        name, size = wanted["name"], wanted["bytes"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DataError('{"name": ..., "bytes": ...}') from None
    if not isinstance(name, str) or type(size) is not int:
        raise DataError('{"name": "...", "bytes": 1}')
    upload = uploads.begin(owner=request.user, name=name, size=size)
    return JsonResponse({"id": str(upload.pk), "received": 0, "piece": uploads.PIECE}, status=201)


@require_http_methods(["GET", "PUT", "DELETE"])
@_refusals
def upload_piece(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponseBase:
    """PUT a piece at ?offset=; GET how far it is; DELETE it."""
    upload = get_object_or_404(Upload.objects.visible_to(request.user), pk=upload_id)
    if request.method == "DELETE":
        uploads.discard(upload=upload)
        return HttpResponse(status=204)
    if request.method == "GET":
        return JsonResponse({"received": upload.received})
    offset = request.GET.get("offset", "")
    if not (offset.isascii() and offset.isdigit() and len(offset) < 40):
        raise DataError("?offset=")
    return JsonResponse({"received": uploads.append(upload=upload, offset=int(offset), piece=request)})
