"""The app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ExperimentsConfig(AppConfig):
    """See the package's docstring."""

    name = "webapp.experiments"
    verbose_name = _("Experiments")
