"""Samples: a small dataset for each task, to try it with."""

from __future__ import annotations

from pathlib import Path

from modeling.errors import DataError

FILES: dict[str, tuple[str, ...]] = {
    "question-answering": ("passages.json",),
    "translation": ("en-zh.tsv",),
    "summarisation": ("articles.jsonl",),
    "classification": ("tickets.csv",),
    "generation": ("proverbs.jsonl",),
}


def sample_files(task: str) -> list[tuple[str, bytes]]:
    """(name, content) of the files that make up the sample dataset of a task. Raises DataError for no task."""
    if task not in FILES:
        raise DataError(f"there is no sample for {task!r}", allowed=f"Samples are there for {', '.join(FILES)}")
    return [(name, (Path(__file__).parent / name).read_bytes()) for name in FILES[task]]
