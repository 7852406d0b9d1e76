"""What every request passes that Django and its packages do not bring."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin


class AdminPolicyMiddleware(MiddlewareMixin):
    """Gives pages under /admin/ the content security policy that their theme needs. Visitors' pages stay strict."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Leave word for CSPMiddleware, which sees the response later."""
        if request.path_info.startswith("/admin/"):
            response._csp_config = settings.ADMIN_CONTENT_SECURITY_POLICY
        return response
