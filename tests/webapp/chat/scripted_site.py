"""The whole site with a scripted engine, for tests through a real socket: `python scripted_site.py PORT`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

from django.conf import settings  # noqa: E402
from scripted import ScriptedEngine  # noqa: E402

settings.UPLOAD_BYTES = 2_000_000

from webapp.asgi import application  # noqa: E402, F401
from webapp.chat import engine  # noqa: E402

engine.use(ScriptedEngine(pace=float(os.environ.get("PACE", "0.01"))))


def prepare() -> None:
    """A database with assistants, and a link whose token lies in the site's home."""
    from conftest import make_assistants
    from django.conf import settings
    from django.core.management import call_command

    from webapp.accounts.models import User
    from webapp.assistants.models import Assistant
    from webapp.sharing.services import Terms, make_link, token_of

    call_command("migrate", verbosity=0)
    make_assistants(settings.HOME / "artifacts")
    owner, assistant = User.objects.create_superuser("owner"), Assistant.objects.get(slug="generation")
    link = make_link(owner=owner, assistant=assistant, terms=Terms(embed_origins=("https://friend.example",)))
    (settings.HOME / "link").write_text(token_of(link))


if __name__ == "__main__":
    from daphne.cli import CommandLineInterface

    if not os.environ.get("PREPARED"):
        prepare()
    CommandLineInterface().run(["-p", sys.argv[1], "-b", "127.0.0.1", "scripted_site:application"])
