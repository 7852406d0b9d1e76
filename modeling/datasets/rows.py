"""Records of a table to rows of a task, each checked; what is wrong becomes a Problem."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from modeling.datasets.dataset import Problem, Row, Table, Unread
from modeling.text import normalise

Answer = dict[str, Any]

LONGEST_LABEL = 200
"""Characters."""
BAR = "|"
"""Between the labels of a text that has several."""
_SPEAKERS = {"system": "system", "user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant"}
_MOST_ANSWERS = 100  # of one question


class BadRowError(Exception):
    """One row cannot be used: (column, why)."""

    def __init__(self, column: str | None, message: str) -> None:
        super().__init__(message)
        self.column, self.message = column, message


def to_rows(table: Table, task: str, roles: Mapping[str, str], languages: tuple[str | None, str | None],
            ) -> Iterator[Row | Problem]:
    """Rows in the task's schema, and before or instead of each what had to be mended or why it is left out."""
    make = MAKERS[task]
    places = [(role, table.columns.index(name)) for role, name in roles.items() if name in table.columns]
    # A language role whose column does not exist is that language in every row.
    fixed = {role: name for role, name in roles.items() if name not in table.columns}
    for item in table.items:
        if isinstance(item, Problem):
            yield item
            continue
        line, cells = item
        values = {role: cells[place] for role, place in places}
        try:
            _refuse_unread(values, roles)
            row, mended = make(values | fixed if fixed else values, roles, line, languages)
        except BadRowError as error:
            yield Problem(line, error.column, error.message)
            continue
        for message in mended:
            yield Problem(line, roles.get("answers"), message, "warning")
        yield row


def _refuse_unread(values: Mapping[str, Any], roles: Mapping[str, str]) -> None:
    for role, value in values.items():
        if isinstance(value, Unread):
            raise BadRowError(roles[role], value.why)


def labels_of(row: Mapping[str, Any]) -> list[str]:
    """The labels of a classified row: one, or those between the bars of `a|b`; none of the label `|`."""
    return [label for label in str(row["label"]).split(BAR) if label]


def several_labels(rows: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a text can have several labels in these rows."""
    return any(BAR in str(row["label"]) for row in rows)


def text_of(value: Any) -> str:
    """A cell as text; a list (the lines of a poem, the turns of a talk) is joined with line feeds."""
    if value is None:
        return ""
    if isinstance(value, list):
        return "\n".join(text_of(item) for item in value)
    return value if isinstance(value, str) else str(value)


def _required(values: Mapping[str, Any], roles: Mapping[str, str], role: str) -> str:
    if text := normalise(text_of(values.get(role))):
        return text
    raise BadRowError(roles.get(role), f"the {role} is empty")


Made = tuple[Row, Sequence[str]]
Languages = tuple[str | None, str | None]


def _classification(values: Mapping[str, Any], roles: Mapping[str, str], line: int, languages: Languages) -> Made:
    given = values.get("label")
    parts = BAR.join(map(text_of, given)).split(BAR) if isinstance(given, list) else text_of(given).split(BAR)
    labels = list(dict.fromkeys(label for part in parts if (label := normalise(part))))
    if not labels and given != [] and text_of(given).strip() != BAR:
        raise BadRowError(roles.get("label"), "the label is empty")
    if any(len(label) > LONGEST_LABEL for label in labels):
        raise BadRowError(roles.get("label"), f"the label has more than {LONGEST_LABEL} characters")
    return {"text": _required(values, roles, "text"), "label": BAR.join(labels) or BAR}, ()


def _generation(values: Mapping[str, Any], roles: Mapping[str, str], line: int, languages: Languages) -> Made:
    if "messages" in roles:
        return _conversation(messages_of(values.get("messages")), roles["messages"])
    if "response" in roles:
        asked = [_required(values, roles, "instruction"), normalise(text_of(values.get("input")))]
        said = ("\n\n".join(filter(None, asked)), _required(values, roles, "response"))
        messages = [{"role": role, "content": text} for role, text in zip(("user", "assistant"), said, strict=True)]
        return _conversation(messages, roles["response"])
    text = text_of(values.get("text")).replace("\r\n", "\n")  # blanks and blank lines are part of the manner
    if not text.strip():
        raise BadRowError(roles.get("text"), "the text is empty")
    return {"text": text}, ()


def _conversation(messages: list[dict[str, str]], column: str) -> Made:
    """A row of messages; its `text`, for what reads only texts, is all that is said."""
    talk = [message["role"] for message in messages if message["role"] != "system"]
    if talk[:1] != ["user"] or talk[-1:] != ["assistant"]:
        raise BadRowError(column, "a conversation begins with a user's message and ends with an assistant's")
    return {"text": "\n\n".join(message["content"] for message in messages), "messages": messages}, ()


def messages_of(value: Any) -> list[dict[str, str]]:
    """[{role, content}] of a list with these fields, or with `from` and `value`; perhaps as JSON in a cell."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = None
    found = []
    for item in value if isinstance(value, list) else ():
        item = item if isinstance(item, dict) else {}
        role = _SPEAKERS.get(text_of(item.get("role", item.get("from"))).casefold())
        content = normalise(text_of(item.get("content", item.get("value"))))
        if role and content:
            found.append({"role": role, "content": content})
    return found


def _summarisation(values: Mapping[str, Any], roles: Mapping[str, str], line: int, languages: Languages) -> Made:
    row = {"text": _required(values, roles, "text")}
    return (row | {"summary": _required(values, roles, "summary")} if "summary" in roles else row), ()


def _translation(values: Mapping[str, Any], roles: Mapping[str, str], line: int, languages: Languages) -> Made:
    return {"source": _required(values, roles, "source"), "target": _required(values, roles, "target"),
            "source_language": values.get("source_language") or languages[0],
            "target_language": values.get("target_language") or languages[1]}, ()


def _question_answering(values: Mapping[str, Any], roles: Mapping[str, str], line: int, languages: Languages) -> Made:
    context = text_of(values.get("context"))  # as it stands: the answers' offsets count its characters
    if not context.strip():
        raise BadRowError(roles.get("context"), "the context is empty")
    question = _required(values, roles, "question")
    name = text_of(values.get("id")) or str(line)
    given = answers_of(values.get("answers"))[:_MOST_ANSWERS]
    answers, mended = repair(given, context, name)
    if given and not answers:
        raise BadRowError(roles.get("answers"), f"no answer occurs in the context: question {name}, "
                                                f"{given[0]['text'][:60]!r}")
    return {"id": name, "title": text_of(values.get("title")), "context": context, "question": question,
            "answers": answers}, mended


def answers_of(value: Any) -> list[Answer]:
    """[{text, start}] from SQuAD's list, from Hugging Face's {text: [...], answer_start: [...]} or from a text."""
    if isinstance(value, dict) and isinstance(value.get("text"), list):
        starts = value.get("answer_start") or value.get("start") or []
        value = [{"text": text, "start": start} for text, start in
                 zip(value["text"], [*starts, *[None] * len(value["text"])], strict=False)]
    if not isinstance(value, list):
        value = [value] if value not in (None, "") else []
    answers = []
    for item in value:
        item = item if isinstance(item, dict) else {"text": item}
        start = item.get("answer_start", item.get("start"))
        answers.append({"text": text_of(item.get("text")), "start": start if isinstance(start, int) else None})
    return answers


def repair(answers: list[Answer], context: str, question: str) -> tuple[list[Answer], list[str]]:
    """Answers that stand in `context` where their start says, and what was done about the others.

    A wrong start moves to the nearest place where the answer does occur; an answer that occurs nowhere is dropped.
    """
    good: list[Answer] = []
    done: list[str] = []
    for answer in answers:
        text, start = answer["text"], answer["start"]
        if text.strip() and start is not None and start >= 0 and context.startswith(text, start):
            blanks = len(text) - len(text.lstrip())
            good.append({"text": text.strip(), "start": start + blanks})
            continue
        text = text.strip()
        place = nearest(context, text, start or 0) if text else -1
        if place < 0:
            done.append(f"an answer does not occur in the context and was dropped: question {question}, {text[:60]!r}")
            continue
        if start is not None:
            done.append(f"the start of an answer was wrong and was mended: question {question}, {text[:60]!r}, "
                        f"{place} and not {start}")
        good.append({"text": text, "start": place})
    return good, done


def nearest(context: str, text: str, start: int) -> int:
    """Where `text` occurs nearest to `start`; -1 where it does not."""
    after = context.find(text, max(0, start))
    before = context.rfind(text, 0, max(0, min(start, len(context))) + len(text))
    found = [place for place in (before, after) if place >= 0]
    return min(found, key=lambda place: abs(place - start), default=-1)


MAKERS: dict[str, Callable[[Mapping[str, Any], Mapping[str, str], int, Languages], Made]] = {
    "classification": _classification,
    "generation": _generation,
    "summarisation": _summarisation,
    "translation": _translation,
    "question-answering": _question_answering,
}
