"""The queue in the admin: our own pages. Jobs are made by the site; what people may do is pause, cancel, try again."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from webapp.accounts.owned import OwnedAdmin
from webapp.accounts.rights import is_admin
from webapp.jobs import services
from webapp.jobs.attempt import output_of
from webapp.jobs.models import Job
from webapp.jobs.news import log_lines
from webapp.jobs.packages import training_packages
from webapp.jobs.queue import line_of, sections

ACTIONS = {"front": services.move_to_front, "pause": services.pause, "unpause": services.unpause,
           "cancel": services.cancel, "retry": services.retry}
FOR_ADMINS = {"front"}
LINES = 300  # of a log


@admin.register(Job)
class JobAdmin(OwnedAdmin):
    """What runs, what waits in which order, what became of the rest. The order is for all who train to see."""

    def get_urls(self) -> list[URLPattern]:
        """With the buttons."""
        act = self.admin_site.admin_view(require_POST(self.act))
        return [path("<int:pk>/act/", act, name="jobs_job_act"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The queue; to htmx only what changes."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {"sections": sections(request.user), "packages": training_packages()}
        if getattr(request, "htmx", False):
            return render(request, "jobs/queue_fragment.html", context)
        return render(request, "jobs/queue.html", {**self._page(request), **context, "title": _("Queue")})

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "",
                    extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One job: its record, and what its child wrote."""
        if not _is_number(object_id):
            raise Http404
        job = get_object_or_404(self.get_queryset(request).select_related("owner"), pk=object_id)
        attempt = _attempt(request, job)
        log = log_lines(output_of(settings.HOME / "logs" / "jobs", job.pk, attempt), last=LINES)
        context = {"line": line_of(job, request.user), "job": job, "log": log, "attempt": attempt,
                   "attempts": range(job.attempt, max(job.attempt - 10, 0), -1)}
        if getattr(request, "htmx", False):
            return render(request, "jobs/job_fragment.html", context)
        return render(request, "jobs/job.html", {**self._page(request), **context, "title": context["line"].name})

    def act(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A button of the queue."""
        job = get_object_or_404(Job.objects.editable_by(request.user), pk=pk)
        action = request.POST.get("action", "")
        if action not in ACTIONS:
            raise Http404
        if action in FOR_ADMINS and not is_admin(request.user):
            raise PermissionDenied
        ACTIONS[action](job=job.pk)
        if getattr(request, "htmx", False):
            return self.changelist_view(request)
        return redirect("admin:jobs_job_changelist")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Jobs come from what people do elsewhere."""
        return False

    def has_change_permission(self, request: HttpRequest, job: Job | None = None) -> bool:
        """The record is the workers'."""
        return False

    def has_delete_permission(self, request: HttpRequest, job: Job | None = None) -> bool:
        """The record is the workers'."""
        return False

    def _page(self, request: HttpRequest) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.model._meta}


def _attempt(request: HttpRequest, job: Job) -> int:
    """The attempt whose log is asked for; the newest where none is."""
    asked = request.GET.get("attempt", "")
    return int(asked) if _is_number(asked) and 0 < int(asked) <= job.attempt else job.attempt


def _is_number(text: str) -> bool:
    """Whether any database takes it: "²" is a digit too."""
    return text.isascii() and text.isdigit() and len(text) < 19
