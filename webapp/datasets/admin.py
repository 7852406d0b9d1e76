"""The app's pages in the admin."""

from __future__ import annotations

from django.contrib import admin

from webapp.accounts.owned import OwnedAdmin
from webapp.datasets.models import Dataset


@admin.register(Dataset)
class DatasetAdmin(OwnedAdmin):
    """See the model."""
