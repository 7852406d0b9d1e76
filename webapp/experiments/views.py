"""Pages of searches and leaderboards in the admin. What a person may not see is not there: 404."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from modeling.errors import ParleyError
from webapp.datasets.models import DatasetVersion
from webapp.experiments import presentation, services
from webapp.experiments.forms import SearchForm
from webapp.experiments.leaderboard import leaderboard
from webapp.experiments.models import Search
from webapp.jobs.packages import training_packages
from webapp.training.choices import found, versions_for
from webapp.training.forms import PREFIX
from webapp.wording import said

SEARCH, BOARD = "admin:experiments_search_change", "admin:experiments_search_leaderboard"


def _page(request: HttpRequest, template: str, *, title: str, **context: Any) -> HttpResponse:
    return render(request, template, {**admin.site.each_context(request), "opts": Search._meta, "title": title,
                                      **context})


@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest) -> HttpResponseBase:
    """The form of a search: whole, as the fragment that follows a choice, or sent."""
    form = SearchForm(request.POST if request.method == "POST" else None, user=request.user, start=request.GET)
    if form.is_bound and form.is_valid() and (search := form.save()):
        return redirect(SEARCH, search.pk)
    template = "experiments/search_form.html" if request.htmx else "experiments/new.html"
    return _page(request, template, title=_("Search for settings"), form=form,
                 has_data=versions_for(request.user).exists(), packages=training_packages())


@require_GET
def show(request: HttpRequest, search_id: Any) -> HttpResponse:
    """A search and its trials, as they come."""
    visible = Search.objects.visible_to(request.user).select_related("job", "version__dataset", "parent")
    if (search := found(visible, search_id)) is None:
        raise Http404
    best = {PREFIX + name: value for name, value in search.result.get("settings", {}).items()}
    address = f"{reverse('admin:training_trainingrun_add')}?" + urlencode(
        {"task": search.task, "version": search.version.pk, "model": search.model,
         "parent": f"artifact:{search.parent.pk}" if search.parent else "", **best})
    template = "experiments/search_fragment.html" if request.htmx else "experiments/search.html"
    return _page(request, template, title=search.name, search=search, train=address if best else "",
                 **presentation.overview(search))


@require_http_methods(["GET", "HEAD", "POST"])
def board(request: HttpRequest, version_id: uuid.UUID) -> HttpResponseBase:
    """The leaderboard of a dataset version; sent, trainings of the chosen models are queued."""
    visible = DatasetVersion.objects.visible_to(request.user).ready().select_related("dataset")
    if (version := found(visible, version_id)) is None:
        raise Http404
    fault = ""
    if request.method == "POST":
        try:
            chosen = list(dict.fromkeys(request.POST.getlist("model")))
            if services.train_all(owner=request.user, version=version, models=chosen):
                return redirect(BOARD, version.pk)
            fault = _("No model is chosen")
        except ParleyError as error:
            fault = said(error)
    template = "experiments/leaderboard_fragment.html" if request.htmx else "experiments/leaderboard.html"
    return _page(request, template, title=_("Leaderboard"), fault=fault, packages=training_packages(),
                 **leaderboard(version, request.user))
