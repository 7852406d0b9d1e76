"""What is learnt for each task: rows to examples, examples to a loss, and how good the result is."""

from modeling.training.objectives.base import Objective, Rows, Sample
from modeling.training.objectives.classification import Classification
from modeling.training.objectives.generation import Generation
from modeling.training.objectives.reading import Reading
from modeling.training.objectives.translation import Translation

OBJECTIVES: dict[str, type[Objective]] = {
    "lstm": Classification,
    "transformer": Translation,
    "bert": Reading,
    "decoder": Generation,
}
"""Model -> its objective."""

__all__ = ["OBJECTIVES", "Objective", "Rows", "Sample"]
