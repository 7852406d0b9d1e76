"""What is learnt for each task: rows to examples, examples to a loss, and how good the result is."""

from modeling.training.objectives.autoencoding import Autoencoding
from modeling.training.objectives.base import Objective, Rows, Sample
from modeling.training.objectives.causal import CausalTuning
from modeling.training.objectives.classification import Classification
from modeling.training.objectives.counting import Counting
from modeling.training.objectives.generation import Generation
from modeling.training.objectives.pairing import Pairing
from modeling.training.objectives.ranking import Ranking
from modeling.training.objectives.reading import Reading
from modeling.training.objectives.recurrence import Recurrence
from modeling.training.objectives.summarisation import Summarisation
from modeling.training.objectives.translation import Translation

OBJECTIVES: dict[str, dict[str, type[Objective]]] = {
    "question-answering": {"bert": Reading, "qanet": Reading, "transformer": Reading, "dual": Pairing},
    "translation": {"rnn": Translation, "transformer": Translation},
    "summarisation": {"pointer": Summarisation, "transformer": Summarisation, "lexrank": Ranking},
    "generation": {"ngram": Counting, "lstm": Recurrence, "vae": Autoencoding, "decoder": Generation,
                   "causal": CausalTuning},
    "classification": dict.fromkeys(("bag", "cnn", "lstm", "transformer", "bert"), Classification),
}
"""Task -> model -> its objective."""

__all__ = ["OBJECTIVES", "Objective", "Rows", "Sample"]
