"""`manage.py registerstarters`: makes the shipped artifacts assistants that visitors can pick."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from webapp.assistants.services import hide_missing, register_starter


class Command(BaseCommand):
    """Can be run again at any time; changes nothing that is right already."""

    help = "Register the artifacts in modeling/starters as assistants."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--folder", type=Path, default=settings.ROOT / "modeling" / "starters",
                            help="a folder of artifacts")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"].resolve()
        for manifest in sorted(folder.glob("*/manifest.json")):
            assistant = register_starter(folder=manifest.parent, indexes=settings.HOME / "indexes")
            if options["verbosity"]:
                self.stdout.write(f"{assistant.slug}: {assistant.get_task_display()}")
        hide_missing(folder=folder)
