"""TASKS is whole."""

import pytest

from modeling.tasks import TASKS


@pytest.mark.parametrize("name", TASKS)
def test_each_task_says_all_that_the_others_need(name: str) -> None:
    task = TASKS[name]
    assert set(task.names) == set(task.roles) | set(task.optional)
    assert all(names == tuple(n.lower() for n in names) and names for names in task.names.values())
    assert task.title and task.metrics
    assert task.models and all(method.title and len(method.about) > 20 for method in task.models.values())
