"""Datasets in the admin: the list, and the addresses of their pages and uploads."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import F, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from modeling.errors import DataError
from webapp.accounts.owned import OwnedAdmin
from webapp.datasets import services, views
from webapp.datasets.models import Dataset, DatasetVersion, Upload
from webapp.wording import said


@admin.register(Dataset)
class DatasetAdmin(OwnedAdmin):
    """The list; a dataset itself is shown by the report of its newest version."""

    list_display = ("name", "job", "rows", "version_count", "state", "size", "owner", "created")
    list_filter = ("task",)
    search_fields = ("name",)
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Dataset]:
        """With their versions, whose long reports stay where they are."""
        versions = DatasetVersion.objects.defer("report").annotate(parts=F("report__splits"))
        return super().get_queryset(request).select_related("owner").prefetch_related(
            Prefetch("versions", queryset=versions))

    def get_urls(self) -> list[URLPattern]:
        """Reports and downloads of versions, below /admin/datasets/dataset/version/."""
        guard = self.admin_site.admin_view
        return [
            path("version/<uuid:version_id>/", guard(views.report), name="datasets_version_report"),
            path("version/<uuid:version_id>/task/", guard(views.read_for_task), name="datasets_version_task"),
            path("version/<uuid:version_id>/rename/", guard(views.rename), name="datasets_version_rename"),
            path("version/<uuid:version_id>/delete/", guard(views.delete_version), name="datasets_version_delete"),
            path("version/<uuid:version_id>/problems.csv", guard(views.problems), name="datasets_version_problems"),
            path("version/<uuid:version_id>/<slug:name>.jsonl", guard(views.split), name="datasets_version_split"),
            *super().get_urls(),
        ]

    @display(description=_("Job"), ordering="task")
    def job(self, dataset: Dataset) -> str:
        """What it is for."""
        return dataset.get_task_display() or "–"

    @display(description=_("rows"))
    def rows(self, dataset: Dataset) -> str:
        """Rows of the newest version that can be used."""
        parts = next((version.parts for version in dataset.versions.all() if version.parts), None)
        return f"{sum(parts.values()):,}" if parts else "–"

    @display(description=_("Versions"))
    def version_count(self, dataset: Dataset) -> int:
        """How many there are."""
        return len(dataset.versions.all())

    @display(description=_("state"), label={"ready": "success", "building": "info", "failed": "danger"})
    def state(self, dataset: Dataset) -> tuple[str, str]:
        """Where the newest version stands."""
        newest = services.settle(version=dataset.versions.all()[0])
        return newest.state, newest.get_state_display()

    @display(description=_("size"))
    def size(self, dataset: Dataset) -> str:
        """Of the files as they came."""
        return filesizeformat(sum(source["bytes"] for source in dataset.sources))

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponseBase:
        """Our own page."""
        return views.new_dataset(request)

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None,
                    ) -> HttpResponseBase:
        """Our own page."""
        return views.dataset(request, object_id)

    def delete_model(self, request: HttpRequest, dataset: Dataset) -> None:
        """With its files. The page before has said what stands against it; this is for what happened since."""
        try:
            services.delete_dataset(dataset=dataset)
        except DataError as fault:
            raise PermissionDenied(said(fault)) from None

    def delete_queryset(self, request: HttpRequest, datasets: QuerySet[Dataset]) -> None:
        """Each with its files."""
        for dataset in datasets:
            self.delete_model(request, dataset)


@admin.register(Upload)
class UploadAdmin(OwnedAdmin):
    """Files on their way in; there is no list of them."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Not on the front page."""
        return False

    def get_urls(self) -> list[URLPattern]:
        """Below /admin/datasets/upload/."""
        guard = self.admin_site.admin_view
        return [
            path("", guard(views.begin_upload), name="datasets_upload_begin"),
            path("<uuid:upload_id>/", guard(views.upload_piece), name="datasets_upload_piece"),
        ]
