"""Training: one loop for every task, from data files to an artifact."""

from modeling.training.interruption import on_termination
from modeling.training.train import Request, train, try_out
from modeling.training.trained import TrainedModel

__all__ = ["Request", "TrainedModel", "on_termination", "train", "try_out"]
