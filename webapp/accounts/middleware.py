"""The gate of the admin, before any of its pages is asked."""

from __future__ import annotations

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin
from django.views.defaults import permission_denied

from webapp.accounts.rights import may_train


class AdminGateMiddleware(MiddlewareMixin):
    """Nothing under /admin/ is for visitors and members, also where an app's own page forgot to ask."""

    def process_view(self, request: HttpRequest, *view: object) -> HttpResponseBase | None:
        """Visitors sign in first. Who is signed in and has no right is told so, and not sent round in circles."""
        if not request.path_info.startswith("/admin/") or may_train(request.user):
            return None
        if request.path_info == reverse("admin:login") and not request.user.is_authenticated:
            return None  # it leads to the page to sign in, and says where to go on
        if request.user.is_authenticated:
            return permission_denied(request, PermissionDenied())
        return redirect_to_login(request.get_full_path())
