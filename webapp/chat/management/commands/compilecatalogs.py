"""`manage.py compilecatalogs`: compiles the translations; needs no system gettext."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from webapp.chat.catalogues import compile_catalogues


class Command(BaseCommand):
    """Compiles only what has changed."""

    help = "Compile the translations in locale/ without gettext."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        for folder in settings.LOCALE_PATHS:
            for compiled in compile_catalogues(folder):
                if options["verbosity"]:
                    self.stdout.write(str(compiled))
