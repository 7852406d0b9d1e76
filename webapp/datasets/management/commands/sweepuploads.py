"""`manage.py sweepuploads`: remove uploads that nobody went on with, and what a kill left behind. The trainer queues
it every hour."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from webapp.datasets.uploads import sweep


class Command(BaseCommand):
    """See the module."""

    help = "Remove uploads that have waited for a day, and their files."

    def handle(self, *args: Any, **options: Any) -> None:
        """Sweep."""
        self.stdout.write(f"{sweep()} removed")
