"""`manage.py backup FILE`: everything that makes the site, in one file, while it runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from modeling.errors import ParleyError
from webapp.operations.backups import back_up


class Command(BaseCommand):
    """Writes a tar of rows and files with their hashes."""

    help = "Back up database, datasets, artifacts, evaluations, documents and the site's key. The site may be running."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to."""
        parser.add_argument("file", type=Path, help="the file to write, outside of PARLEY_HOME; its readers can do "
                                                    "everything that the site can")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        """Back up, and say what."""
        os.umask(0o077)  # as `start` does
        try:
            manifest = back_up(file)
        except (ParleyError, OSError) as fault:
            raise CommandError(str(fault)) from None
        size = sum(one["bytes"] for one in manifest["files"].values())
        self.stdout.write(f"{file}: {sum(manifest['rows'].values())} rows, {len(manifest['files'])} files, "
                          f"{size / 1e6:.1f} MB")
        if manifest["missing"]:
            self.stderr.write(f"The site knows of {len(manifest['missing'])} folders that are not there, the first is "
                              f"{manifest['missing'][0]}")
