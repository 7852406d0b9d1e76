"""Many trainings for one question: which model, and with which settings. Each runs in a process of its own."""

from modeling.experiments.comparison import Contestant, compare, contestants
from modeling.experiments.leaderboard import Standing, ranked, table
from modeling.experiments.space import Range, read_space
from modeling.experiments.trials import JOURNAL, Asked, search

__all__ = ["JOURNAL", "Asked", "Contestant", "Range", "Standing", "compare", "contestants", "ranked", "read_space",
           "search", "table"]
