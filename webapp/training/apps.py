"""The app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TrainingConfig(AppConfig):
    """See the package's docstring."""

    name = "webapp.training"
    verbose_name = _("Training")
