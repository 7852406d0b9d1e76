"""The chat app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChatConfig(AppConfig):
    """Connects what happens at sign-in."""

    name, verbose_name = "webapp.chat", _("Conversations")

    def ready(self) -> None:
        from webapp.chat import visitors  # noqa: F401, PLC0415 - connects its receiver
