"""People and invitations in the admin; for admins only. Roles decide, so Django's groups and permissions are gone."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserCreationForm

from webapp.accounts import services
from webapp.accounts.forms import VALID_FOR, InvitationForm, PersonForm
from webapp.accounts.models import Invitation, User
from webapp.accounts.owned import AdminsOnly

admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(AdminsOnly, DjangoUserAdmin, ModelAdmin):
    """People. Passwords are set, never shown."""

    form, add_form, change_password_form = PersonForm, UserCreationForm, AdminPasswordChangeForm
    list_display = ("username", "role", "is_active", "last_login", "date_joined")
    list_filter = ("role", "is_active")
    search_fields = ("username",)
    ordering = ("username",)
    filter_horizontal = ()
    actions = None  # people are deleted one by one
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username", "password", "role", "is_active")}),
        (gettext_lazy("Since when"), {"fields": (("date_joined", "last_login"),)}),
    )
    add_fieldsets = ((None, {"fields": ("username", "role", "password1", "password2")}),)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Admins; but nobody oneself, so that an admin stays."""
        return super().has_delete_permission(request, obj) and (obj is None or obj.pk != request.user.pk)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What the page of confirmation lists: the person. What they have built stays, their conversations go."""
        kept = _("Conversations are deleted. Datasets, trainings, assistants and links become yours.")
        return [str(person) for person in objs] + [kept], {}, set(), []

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """Delete the person; what they have built goes to the admin who does it."""
        services.close_account(user=obj, heir=request.user)


@admin.register(Invitation)
class InvitationAdmin(AdminsOnly):
    """Links with which people make their accounts. A link is shown once, when it is made."""

    form = InvitationForm
    list_display = ("__str__", "role", "state_label", "expires", "created_by", "used_by")
    list_filter = ("role",)
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invitation]:
        """With the people."""
        return super().get_queryset(request).select_related("created_by", "used_by")

    @display(description=gettext_lazy("state"), label={"open": "info", "used": "success", "revoked": "danger"})
    def state_label(self, invitation: Invitation) -> tuple[str, str]:
        """As a coloured label."""
        return str(invitation.state), invitation.state.label

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A week."""
        return {"expires": timezone.now() + VALID_FOR, **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Make the invitation; `response_add` shows its link."""
        made, obj.token = services.invite(by=request.user, role=obj.role, note=obj.note, expires=obj.expires)
        obj.pk = made.pk

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """The link, in the answer itself: it is stored nowhere."""
        return self._link_page(request, get_object_or_404(Invitation, pk=obj.pk), obj.token)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """What became of it, and what can still be done. Its terms stand."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        invitation = self.get_object(request, object_id)
        if invitation is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return self._page(request, "accounts/admin/invitation.html", invitation)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """It is taken back instead, and stays as a record."""
        return False

    def get_urls(self) -> list[URLPattern]:
        """With a new link and with taking back."""
        return [
            path("<uuid:pk>/renew/", self.admin_site.admin_view(require_POST(self.renew)),
                 name="accounts_invitation_renew"),
            path("<uuid:pk>/revoke/", self.admin_site.admin_view(require_POST(self.revoke)),
                 name="accounts_invitation_revoke"),
            *super().get_urls(),
        ]

    def renew(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """A new link for a week, shown once."""
        invitation = get_object_or_404(self._editable(request), pk=pk)
        try:
            token = services.renew(invitation=invitation, expires=timezone.now() + VALID_FOR)
        except services.InvitationError:
            messages.error(request, _("This invitation was accepted already."))
            return redirect("admin:accounts_invitation_change", pk)
        invitation.refresh_from_db()
        return self._link_page(request, invitation, token)

    def revoke(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """End the link."""
        services.revoke(invitation=get_object_or_404(self._editable(request), pk=pk))
        return redirect("admin:accounts_invitation_change", pk)

    def _editable(self, request: HttpRequest) -> QuerySet[Invitation]:
        return self.get_queryset(request) if self.has_change_permission(request) else Invitation.objects.none()

    def _link_page(self, request: HttpRequest, invitation: Invitation, token: str) -> HttpResponse:
        way = reverse("join", args=[token])
        link = settings.PUBLIC_URL + way if settings.PUBLIC_URL else request.build_absolute_uri(way)
        return self._page(request, "accounts/admin/link.html", invitation, link=link)

    def _page(self, request: HttpRequest, template: str, invitation: Invitation, **more: Any) -> HttpResponse:
        return render(request, template, {
            **self.admin_site.each_context(request), "opts": self.opts, "title": str(invitation),
            "invitation": invitation, **more,
        })
