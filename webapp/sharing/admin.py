"""The app's pages in the admin."""

from __future__ import annotations

from django.contrib import admin

from webapp.accounts.owned import OwnedAdmin
from webapp.sharing.models import ShareLink


@admin.register(ShareLink)
class ShareLinkAdmin(OwnedAdmin):
    """See the model."""
