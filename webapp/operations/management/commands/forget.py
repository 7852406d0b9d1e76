"""`manage.py forget`: deletes what nobody comes back for. The queue runs it once a day."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from webapp.operations.retention import forget_all


class Command(BaseCommand):
    """Conversations, sessions, uploads, attempts, logs."""

    help = "Delete old conversations of visitors without an account, and what uploads and jobs have left behind."

    def add_arguments(self, parser: CommandParser) -> None:
        """How long is long."""
        parser.add_argument("--days", type=int, default=settings.ANONYMOUS_DAYS,
                            help="days without a message; conversations of share links go by their link's own days")

    def handle(self, *args: Any, days: int, **options: Any) -> None:
        """Delete, and say how much as the result of the job."""
        self.stdout.write(json.dumps({"result": forget_all(days=days)}))
