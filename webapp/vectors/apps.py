"""The app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class VectorsConfig(AppConfig):
    """See the package's docstring."""

    name = "webapp.vectors"
    verbose_name = _("Word vectors")
