"""The app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DatasetsConfig(AppConfig):
    """See the package's docstring."""

    name = "webapp.datasets"
    verbose_name = _("Datasets")
