"""`manage.py loadrows FOLDER`: the part of `restore` that fills an empty database. It is no use alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from webapp.operations import rows


class Command(BaseCommand):
    """Runs with the home that is being put together."""

    help = "Used by `restore`."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """An extracted backup."""
        parser.add_argument("folder", type=Path)
        parser.add_argument("--home", type=Path, required=True, help="where the site will live")

    def handle(self, *args: Any, folder: Path, home: Path, **options: Any) -> None:
        """Load."""
        rows.load(folder / "database", seen=json.loads((folder / "migrations.json").read_text()), home=home)
