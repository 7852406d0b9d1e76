"""The app's name, and what a fresh connection to the database is told."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from webapp.databases import take_nul


class OperationsConfig(AppConfig):
    """The site as a whole."""

    name = "webapp.operations"

    def ready(self) -> None:
        connection_created.connect(take_nul)
