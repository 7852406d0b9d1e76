"""Every task can be talked to, and none is shown as if it were another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from django.template.loader import get_template

from modeling.tasks import TASKS
from tests.webapp.chat.scripted import ANSWERING
from webapp.assistants.examples import WELCOMES
from webapp.chat.options import PLACEHOLDERS
from webapp.chat.presentation import ANSWERS
from webapp.chat.review import ROWS

TABLES: dict[str, Mapping[str, Any]] = {
    "assistants/examples: WELCOMES": WELCOMES, "chat/options: PLACEHOLDERS": PLACEHOLDERS,
    "chat/presentation: ANSWERS": ANSWERS, "chat/review: ROWS": ROWS, "tests, scripted: ANSWERING": ANSWERING,
}


@pytest.mark.parametrize("task", TASKS)
def test_each_task_has_its_line_in_every_table(task: str) -> None:
    assert [table for table, lines in TABLES.items() if task not in lines] == []


@pytest.mark.parametrize("task", TASKS)
def test_each_task_has_a_template_for_its_answers(task: str) -> None:
    assert get_template(f"chat/answers/{task}.html")
