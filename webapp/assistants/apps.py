"""The app's name."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AssistantsConfig(AppConfig):
    """Connects what happens when documents are deleted."""

    name, verbose_name = "webapp.assistants", _("Assistants")

    def ready(self) -> None:
        from webapp.assistants import documents  # noqa: F401, PLC0415 - connects its receiver
