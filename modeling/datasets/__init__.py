"""Datasets: files to checked rows, rows to splits, and what they are like in figures."""

from modeling.datasets.dataset import Dataset, Problem
from modeling.datasets.documents import document_text
from modeling.datasets.reading import read
from modeling.datasets.splits import split
from modeling.datasets.statistics import Description, describe

__all__ = ["Dataset", "Description", "Problem", "describe", "document_text", "read", "split"]
