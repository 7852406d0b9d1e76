"""The admin page of things that belong to somebody: rights.py decides, not Django's table of permissions."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from webapp.accounts.rights import is_admin, may_train


class OwnedAdmin(ModelAdmin):
    """For models whose queryset has `visible_to(user)` and `editable_by(user)`. Trainers and admins may add."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """What this person may see; everything else is not there."""
        return super().get_queryset(request).filter(pk__in=self.model.objects.visible_to(request.user).values("pk"))

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Trainers and admins."""
        return may_train(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Trainers and admins; one thing only when it is visible to them."""
        visible = obj is None or self.model.objects.visible_to(request.user).filter(pk=obj.pk).exists()
        return may_train(request.user) and visible

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Trainers and admins."""
        return may_train(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Those who may edit it."""
        editable = obj is None or self.model.objects.editable_by(request.user).filter(pk=obj.pk).exists()
        return may_train(request.user) and editable

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Those who may edit it."""
        return self.has_change_permission(request, obj)


class AdminsOnly(ModelAdmin):
    """The admin page of what is the admins' business alone."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Admins."""
        return is_admin(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Admins."""
        return is_admin(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Admins."""
        return is_admin(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Admins."""
        return is_admin(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Admins."""
        return is_admin(request.user)
