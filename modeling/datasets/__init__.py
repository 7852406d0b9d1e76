"""Datasets: files to checked rows, rows to splits, and what they are like in figures."""

from modeling.datasets.building import BuildOptions, build, read_rows
from modeling.datasets.cells import escaped
from modeling.datasets.dataset import Dataset, Problem, Table
from modeling.datasets.documents import document_text
from modeling.datasets.formats import check_start, opened_texts
from modeling.datasets.reading import read, read_to_file
from modeling.datasets.roles import text_column
from modeling.datasets.rowfile import RowFile
from modeling.datasets.rows import labels_of, several_labels
from modeling.datasets.samples import sample_files
from modeling.datasets.splits import split
from modeling.datasets.statistics import Description, describe
from modeling.datasets.steps import ShownText, shown_steps
from modeling.datasets.texts import read_texts

__all__ = ["BuildOptions", "Dataset", "Description", "Problem", "RowFile", "ShownText", "Table", "build",
           "check_start", "describe", "document_text", "escaped", "labels_of", "opened_texts", "read", "read_rows",
           "read_texts", "read_to_file", "sample_files", "several_labels", "shown_steps", "split", "text_column"]
