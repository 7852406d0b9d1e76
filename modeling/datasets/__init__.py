"""Datasets: files to checked rows, and rows to splits."""

from modeling.datasets.dataset import Dataset, Problem
from modeling.datasets.reading import read
from modeling.datasets.splits import split

__all__ = ["Dataset", "Problem", "read", "split"]
