"""Fills a running site with text that would run, wherever people's text can stand: `python -m tests.browser.hostile`.

Says as JSON which pages there are, and the sessions of those who may see them.
"""

from __future__ import annotations

import json
import sys
from typing import Any

TEXT = (
    "\"'><script>window.ran='script'</script><img src=x onerror=window.ran='img'><svg onload=window.ran='svg'>"
    "</title></textarea></script><b x-data x-init=\"window.ran='alpine'\" hx-on::load=\"window.ran='htmx'\" "
    "hx-get=/metrics hx-trigger=load>[a](javascript:window.ran='md') {{ 7*7 }} ${7*7}"
)
SHORT = "\"'><img src=x onerror=window.ran=1>"  # where only little fits
# Not people's text: names of code, hashes, places, states.
OURS = {"password", "token_hash", "nonce", "path", "artifact", "slug", "session", "key", "kind", "state", "role",
        "task", "model", "origin", "storage", "visibility", "username", "url", "worker", "session_salt",
        "session_key", "session_data", "base"}


def main() -> None:
    """Make the world, make it hostile, tell the pages."""
    import django

    django.setup()
    from django.conf import settings
    from django.test.utils import setup_test_environment

    from tests.webapp.rights_table import ACT, RULES
    from tests.webapp.test_rights import address
    from tests.webapp.world import LINK_VISITOR, make_world

    setup_test_environment()
    world = make_world()
    spoil(world)
    pages = [[name, address(name, rule, world), next(one for one in ("mia", LINK_VISITOR, "ada") if one in rule.who)]
             for name, rule in RULES.items() if rule.how != ACT and rule.who]
    cookie = settings.SESSION_COOKIE_NAME
    sessions = {name: browser.cookies[cookie].value for name, browser in world.browsers.items()
                if cookie in browser.cookies}
    json.dump({"pages": pages, "sessions": sessions, "cookie": cookie}, sys.stdout)


def spoil(world: Any) -> None:
    """Every column of text that people fill, and every text in the reports."""
    from django.apps import apps
    from django.db.models import CharField, TextField

    from webapp.assistants.models import Assistant
    from webapp.datasets.models import Dataset, DatasetVersion
    from webapp.operations.rows import labels
    from webapp.training.models import Artifact, RunEvent

    for name in labels():
        model = apps.get_model(name)
        for field in model._meta.concrete_fields:
            texts = isinstance(field, CharField | TextField) and not field.choices and not field.is_relation
            if texts and field.name not in OURS:
                long = field.max_length is None or field.max_length >= len(TEXT)
                model._base_manager.update(**{field.name: TEXT if long else SHORT[: field.max_length]})
    Dataset.objects.update(task="classification", sources=[{"name": TEXT, "bytes": 4, "file": "0"}])
    DatasetVersion.objects.update(report=_report(), columns={"label": TEXT, "text": SHORT}, error=TEXT)
    Artifact.objects.update(task="classification", report=_evaluation(), metrics={"accuracy": 0.5})
    Assistant.objects.update(examples=[{"text": TEXT, "text_zh": TEXT}])
    world.run.__class__.objects.update(task="classification", model="lstm", facts={"steps": 10, "parameters": 5})
    events = {"samples": {"items": [{"input": TEXT, "output": TEXT, "expected": TEXT}]}, "log": {"text": TEXT},
              "step": {"step": 1, "steps": 10, "loss": 1.0, "learning_rate": 0.1, "tokens_per_second": 5}}
    for kind, data in events.items():
        RunEvent.objects.create(run=world.run, attempt=1, kind=kind, step=1, data=data)
    folder = world.artifact.evaluation_folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(_evaluation()))
    row = {"index": 0, "input": {"text": TEXT}, "expected": TEXT, "output": SHORT, "score": 0.0, "confidence": 0.9}
    (folder / "predictions.jsonl").write_text(json.dumps(row) + "\n")


def _report() -> dict[str, Any]:
    from tests.webapp.world import report

    column = {"name": TEXT, "role": "text", "filled": 1.0, "distinct": 2, "examples": [TEXT, SHORT]}
    return report() | {
        "task": "classification", "files": [{"name": TEXT, "bytes": 4}], "roles": {"text": TEXT, "label": SHORT},
        "columns": [column, column | {"name": SHORT, "role": "label"}],
        "errors": 1, "problems": [{"line": 1, "column": TEXT, "message": TEXT, "severity": "error", "file": TEXT}],
        "labels": [{"label": TEXT, "rows": 2}, {"label": SHORT, "rows": 1}], "label_count": 2,
        "duplicates": {"rows": 1, "examples": [TEXT]},
        "conflicts": {"inputs": 1, "rows": 2, "examples": [{"text": TEXT, "labels": [TEXT, SHORT]}]},
        "leakage": {"rows": 1, "examples": [TEXT]},
        "preview": [{"row": {"text": TEXT, "label": SHORT}, "prepared": TEXT, "tokens": [TEXT, SHORT]}],
    }


def _evaluation() -> dict[str, Any]:
    return {"task": "classification", "rows": 1, "metrics": {"accuracy": 0.5}, "intervals": {"accuracy": [0.1, 0.9]},
            "confusion": {"labels": [TEXT, SHORT], "matrix": [[1, 2], [3, 4]]}, "best": [0], "worst": [0],
            "seconds": 1.0, "rows_per_second": 1.0}


if __name__ == "__main__":
    main()
