"""The chat app."""

from django.apps import AppConfig


class ChatConfig(AppConfig):
    """Connects what happens at sign-in."""

    name = "webapp.chat"

    def ready(self) -> None:
        from webapp.chat import visitors  # noqa: F401, PLC0415 - connects its receiver
