"""The table of models is whole, and every other table knows its entries."""

from __future__ import annotations

from dataclasses import fields

import pytest

from modeling.configs import MODELS, TrainingConfig, model_of
from modeling.errors import ConfigError
from modeling.export.package import GRAPHS
from modeling.export.parity import COMPARE
from modeling.models import NETWORKS
from modeling.tasks import TASKS
from modeling.training.objectives import OBJECTIVES

ENTRIES = [(task, model) for task, models in MODELS.items() for model in models]


@pytest.mark.parametrize(("task", "model"), ENTRIES)
def test_each_model_has_a_network_an_objective_a_graph_and_a_proof(task: str, model: str) -> None:
    entry = MODELS[task][model]
    assert entry.config in NETWORKS and entry.config in GRAPHS and entry.config in COMPARE
    assert model in OBJECTIVES[task] and model in TASKS[task].models


@pytest.mark.parametrize(("task", "model"), ENTRIES)
def test_each_model_shows_settings_that_exist(task: str, model: str) -> None:
    entry = MODELS[task][model]
    training = {field.name for field in fields(TrainingConfig)}
    assert set(entry.main) | set(entry.defaults(1000, 100_000)) <= training | {f.name for f in fields(entry.config)}
    assert entry.uses <= training


@pytest.mark.parametrize("task", MODELS)
def test_each_task_has_a_model_to_begin_with_that_needs_neither_weights_nor_much_text(task: str) -> None:
    assert any(entry.first_from == 0 and entry.parent != "must" for entry in MODELS[task].values())


def test_every_task_has_its_place() -> None:
    assert set(MODELS) == set(TASKS) == set(OBJECTIVES)


def test_what_cannot_be_trained_is_said_with_what_can() -> None:
    with pytest.raises(ConfigError, match="models are .*lstm"):
        model_of("classification", "decoder")
