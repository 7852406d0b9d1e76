"""`manage.py restore FILE`: a site from its backup."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from modeling.errors import ParleyError
from webapp.operations.restoration import restore


class Command(BaseCommand):
    """Checks the whole file before it changes anything."""

    help = "Restore a backup into PARLEY_HOME and the database. The site must not be running."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """From where, and over what."""
        parser.add_argument("file", type=Path, help="what `backup` wrote, from SQLite or PostgreSQL")
        parser.add_argument("--force", action="store_true", help="set aside a site that is there")

    def handle(self, *args: Any, file: Path, force: bool, **options: Any) -> None:
        """Restore, and say what was set aside."""
        os.umask(0o077)  # as `start` does
        try:
            for told in restore(file, force=force):
                self.stdout.write(told)
        except (ParleyError, OSError) as fault:
            raise CommandError(str(fault)) from None
        self.stdout.write(f"{file} is restored. Start the site with `make run`.")
