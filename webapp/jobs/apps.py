"""The app's name."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class JobsConfig(AppConfig):
    """As the admin shows it."""

    name, verbose_name = "webapp.jobs", _("Work")
