"""Users and invitations in the admin; for admins only."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from webapp.accounts.models import Invitation, User

admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    """People. Passwords are set, never shown."""

    form, add_form, change_password_form = UserChangeForm, UserCreationForm, AdminPasswordChangeForm
    list_display = ("username", "email", "role", "is_active", "last_login")


@admin.register(Invitation)
class InvitationAdmin(ModelAdmin):
    """Links with which people make their accounts."""

    list_display = ("note", "role", "created_by", "expires", "used_by")
