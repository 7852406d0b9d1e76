"""Share links in the admin: make one, see what came of it, change it, pause it, revoke it."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.decorators import display

from modeling.errors import RequestError
from webapp import charts
from webapp.accounts.owned import OwnedAdmin
from webapp.sharing import addresses, services
from webapp.sharing.forms import LinkForm
from webapp.sharing.models import ShareLink
from webapp.sharing.use import use_of
from webapp.wording import said

ACTIONS = {"pause": services.pause, "resume": services.resume, "revoke": services.revoke}
LABELS = {"open": "success", "paused": "warning", "expired": "info", "revoked": "danger", "lapsed": "danger"}


@admin.register(ShareLink)
class ShareLinkAdmin(OwnedAdmin):
    """The pages are our own; rights and the list are those of every owned thing."""

    list_display = ("__str__", "assistant", "state_label", "expires", "visitor_count", "requests", "created", "owner")
    list_filter = ("paused",)
    search_fields = ("note", "assistant__name_en", "assistant__name_zh")
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[ShareLink]:
        """With assistant, owner and the number of visitors."""
        rows = super().get_queryset(request).select_related("assistant", "owner")
        return rows.annotate(visitor_total=Count("visitors"))

    @display(description=gettext_lazy("state"), label=LABELS)
    def state_label(self, link: ShareLink) -> tuple[str, str]:
        """As a coloured label."""
        return str(link.state), link.state.label

    @display(description=gettext_lazy("visitors"), ordering="visitor_total")
    def visitor_count(self, link: ShareLink) -> int:
        """Those who asked something."""
        return int(link.visitor_total)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Links are revoked; their conversations stay for as long as was promised."""
        return False

    def get_urls(self) -> list[URLPattern]:
        """With the terms, and with what one button does."""
        view = self.admin_site.admin_view
        return [
            path("<uuid:pk>/terms/", view(self.terms_view), name="sharing_sharelink_terms"),
            *(path(f"<uuid:pk>/{action}/", view(require_POST(self.act)), {"action": action},
                   name=f"sharing_sharelink_{action}") for action in ACTIONS),
            *super().get_urls(),
        ]

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """A new link; `?assistant=<id>` chooses, so that one click is left."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = LinkForm(request.POST or None, user=request.user, initial={"assistant": request.GET.get("assistant")})
        if form.is_valid():
            link = services.make_link(owner=request.user, assistant=form.cleaned_data["assistant"], terms=form.terms,
                                      password=form.cleaned_data["password"])
            return redirect("admin:sharing_sharelink_change", link.pk)
        return self._page(request, "sharing/admin/terms.html", title=_("New link"), form=form)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """The link: where it leads, how it stands, what came of it."""
        link = self.get_object(request, object_id)
        if link is None:
            raise Http404
        address, use = addresses.address_of(link), use_of(link)
        chart = charts.bars([(date_format(day, "MONTH_DAY_FORMAT"), asked, asked) for day, asked in use.days])
        return self._page(
            request, "sharing/admin/link.html", title=str(link), link=link, address=address, use=use, chart=chart,
            qr=addresses.qr_code(address) if address else "", hint=addresses.reachable_hint(),
            snippet=addresses.snippet(link, address) if address and link.embed_origins else "",
            languages=[name for code, name in settings.LANGUAGES if code in link.languages or not link.languages],
        )

    def terms_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Change what the link grants; its address stays."""
        link = get_object_or_404(self.get_queryset(request), pk=pk)
        form = LinkForm(request.POST or None, user=request.user, link=link)
        if form.is_valid():
            return self._done(request, link, lambda: services.change_link(
                link=link, terms=form.terms, password=form.new_password))
        return self._page(request, "sharing/admin/terms.html", title=str(link), form=form, link=link)

    def act(self, request: HttpRequest, pk: uuid.UUID, action: str) -> HttpResponse:
        """Pause, go on, revoke."""
        link = get_object_or_404(self.get_queryset(request), pk=pk)
        return self._done(request, link, lambda: ACTIONS[action](link=link))

    def _done(self, request: HttpRequest, link: ShareLink, act: Any) -> HttpResponse:
        try:
            act()
        except RequestError as error:
            messages.error(request, said(error))
        return redirect(reverse("admin:sharing_sharelink_change", args=[link.pk]))

    def _page(self, request: HttpRequest, template: str, **context: Any) -> HttpResponse:
        return render(request, template, {
            **self.admin_site.each_context(request), "opts": self.opts, **context})
