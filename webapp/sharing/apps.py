"""The app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SharingConfig(AppConfig):
    """See the package's docstring."""

    name = "webapp.sharing"
    verbose_name = _("Sharing")
