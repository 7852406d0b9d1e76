"""SQuAD JSON, versions 1.1 and 2.0: articles with paragraphs with questions."""

from __future__ import annotations

from typing import Any

from modeling.datasets.dataset import Problem, Table

_COLUMNS = ["id", "title", "context", "question", "answers"]


def is_squad(value: Any) -> bool:
    data = value.get("data") if isinstance(value, dict) else None
    return isinstance(data, list) and bool(data) and isinstance(data[0], dict) and "paragraphs" in data[0]


def read_squad(value: Any) -> Table:
    """One record a question, numbered from 1. Answers are checked later, with those of other formats."""
    records: list[tuple[int, list[Any]]] = []
    problems: list[Problem] = []
    for place, article in enumerate(value["data"], start=1):
        try:
            for paragraph in article["paragraphs"]:
                for question in paragraph["qas"]:
                    answers = [] if question.get("is_impossible") else question.get("answers", [])
                    records.append((len(records) + 1, [question.get("id"), article.get("title", ""),
                                                       paragraph["context"], question["question"], answers]))
        except (KeyError, TypeError, AttributeError) as error:
            problems.append(Problem(None, None, f"article {place} lacks SQuAD's layout: {error}"))
    return Table(format="squad", columns=list(_COLUMNS), records=records, named=True, problems=problems)
