"""`manage.py forget`: deletes what nobody comes back for. The queue runs it once a day."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from webapp.chat.services import forget


class Command(BaseCommand):
    """Old conversations of visitors without an account, with their documents; and sessions that have run out."""

    help = "Delete conversations of visitors without an account that nobody has touched for some time."

    def add_arguments(self, parser: CommandParser) -> None:
        """How long is long."""
        parser.add_argument("--days", type=int, default=settings.ANONYMOUS_DAYS, help="days without a message")

    def handle(self, *args: Any, days: int, **options: Any) -> None:
        """Delete, and say how much as the result of the job."""
        forgotten = forget(before=timezone.now() - timedelta(days=days))
        call_command("clearsessions")
        self.stdout.write(json.dumps({"result": {"conversations": forgotten}}))
