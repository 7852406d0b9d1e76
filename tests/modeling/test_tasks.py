"""TASKS is whole."""

from collections.abc import Mapping
from typing import Any

import pytest

from modeling.configs import MODELS
from modeling.datasets.keys import KEYS
from modeling.datasets.rows import MAKERS
from modeling.datasets.samples import FILES
from modeling.inference.evaluation import PREDICTORS
from modeling.inference.figures import FIGURES
from modeling.inference.latency import REQUEST
from modeling.inference.models import SCHEDULERS, SLOTS
from modeling.tasks import TASKS
from modeling.training.objectives import OBJECTIVES

TABLES: dict[str, Mapping[str, Any]] = {
    "rows: MAKERS": MAKERS, "keys: KEYS": KEYS, "samples: FILES": FILES, "catalogue: MODELS": MODELS,
    "objectives: OBJECTIVES": OBJECTIVES, "models: SCHEDULERS": SCHEDULERS, "models: SLOTS": SLOTS,
    "evaluation: PREDICTORS": PREDICTORS, "figures: FIGURES": FIGURES, "latency: REQUEST": REQUEST,
}


@pytest.mark.parametrize("name", TASKS)
def test_each_task_says_all_that_the_others_need(name: str) -> None:
    task = TASKS[name]
    assert set(task.names) == set(task.roles) | set(task.optional)
    assert all(names == tuple(n.lower() for n in names) and names for names in task.names.values())
    assert task.title and task.metrics
    assert {*task.needed, task.asked} <= set(task.roles)
    assert task.models and all(method.title and len(method.about) > 20 for method in task.models.values())


@pytest.mark.parametrize("name", TASKS)
def test_each_task_has_its_line_in_every_table(name: str) -> None:
    assert [table for table, lines in TABLES.items() if name not in lines] == []
