"""The queue in the admin: to look at and to cancel; jobs are made by the site."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from webapp.jobs import services
from webapp.jobs.models import Job


@admin.register(Job)
class JobAdmin(ModelAdmin):
    """What waits, what runs, what became of the rest."""

    list_display = ("kind", "state_label", "done", "note", "owner", "attempt", "created", "finished")
    list_filter = ("state", "kind")
    actions = ("cancel_jobs",)

    @display(
        description=_("state"),
        label={"running": "info", "done": "success", "failed": "danger", "queued": "warning"},
    )
    def state_label(self, job: Job) -> tuple[str, str]:
        """The state, as a coloured label."""
        return job.state, job.get_state_display()

    @display(description=_("progress"))
    def done(self, job: Job) -> str:
        """Progress in percent."""
        return f"{job.progress:.0%}"

    @admin.action(description=_("Cancel"))
    def cancel_jobs(self, request: HttpRequest, jobs: QuerySet[Job]) -> None:
        """End the chosen jobs."""
        for job in jobs:
            services.cancel(job=job.pk)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Jobs come from what people do elsewhere."""
        return False

    def has_change_permission(self, request: HttpRequest, job: Job | None = None) -> bool:
        """The record is the workers'."""
        return False

    def has_delete_permission(self, request: HttpRequest, job: Job | None = None) -> bool:
        """The record is the workers'."""
        return False
