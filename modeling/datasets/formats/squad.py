"""SQuAD JSON, versions 1.1 and 2.0: articles with paragraphs with questions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from modeling.datasets.dataset import Problem, Record, Table, looked_at
from modeling.datasets.textfile import TextFile

_COLUMNS = ["id", "title", "context", "question", "answers"]


def is_article(key: str, item: Any) -> bool:
    """Whether the item of a file's list shows SQuAD's layout."""
    return key == "data" and isinstance(item, dict) and "paragraphs" in item


def read_squad(articles: Iterable[Any], file: TextFile) -> Table:
    """One record a question, numbered from 1. Answers are checked later, with those of other formats."""
    head, items = looked_at(_questions(articles), file.position)
    return Table(format="squad", columns=list(_COLUMNS), head=head, items=items, named=True)


def _questions(articles: Iterable[Any]) -> Iterator[Record | Problem]:
    number = 0
    for place, article in enumerate(articles, start=1):
        try:
            for paragraph in article["paragraphs"]:
                for question in paragraph["qas"]:
                    answers = [] if question.get("is_impossible") else question.get("answers", [])
                    record = [question.get("id"), article.get("title", ""), paragraph["context"], question["question"],
                              answers]
                    number += 1
                    yield number, record
        except (KeyError, TypeError, AttributeError) as error:
            yield Problem(None, None, f"article {place} lacks SQuAD's layout: {error}")
