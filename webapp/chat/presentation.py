"""Messages and documents as templates need them: plain data, so that rendering asks no database."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from webapp.chat.feedback import CORRECTION_CHARACTERS, FINISHED, labels_of
from webapp.chat.models import STREAMING, USER, Conversation, Message
from webapp.markdown import render

if TYPE_CHECKING:
    from webapp.chat.generations import Generation

LABELS_SHOWN = 6  # bars of a classification; the others are under "how this came about"
PASSAGES_SHOWN = 5
TELLING = 0.2  # log-odds that an answer must lose without a word for this to have carried it
OPENS = ("copied", "labels", "passages", "sentences", "segments", "count")  # results that tell how an answer came about


def marked(text: str, spans: list[tuple[int, int]]) -> list[dict[str, Any]]:
    """`text` cut into pieces `{"text", "mark"}` at spans of characters. Overlapping spans are joined."""
    inside = [False] * (len(text) + 1)
    for start, end in spans:
        inside[max(start, 0):min(end, len(text))] = [True] * max(min(end, len(text)) - max(start, 0), 0)
    edges = [0, *(i for i in range(1, len(text)) if inside[i] != inside[i - 1]), len(text)]
    return [{"text": text[a:b], "mark": inside[a]} for a, b in pairwise(edges) if b > a]


def classification(result: dict[str, Any], source: str = "") -> dict[str, Any]:
    """Bars, best first; where a text can have several labels, those it has; the source with its telling words."""
    labels = result.get("labels", [])
    several = bool(labels) and "given" in labels[0]
    return {"labels": labels[:LABELS_SHOWN], "best": labels[0] if labels else None, "more": len(labels) - LABELS_SHOWN,
            "unsure": result.get("sure") is False, "several": several,
            "given": [row["label"] for row in labels if several and row["given"]],
            "explained": "words" in result, "telling": telling(source, result.get("words", []))}


def telling(text: str, words: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`text` in pieces `{"text", "level"}`: 1 to 3 for what carried the answer, 0 for the rest; none where nothing did.

    A word counts when its answer loses enough without it, and a fifth as much as without the strongest one.
    """
    most = max((word["weight"] for word in words), default=0.0)
    if most < TELLING:
        return []
    pieces, end = [], 0
    for word in words:
        if word["weight"] >= max(TELLING, most / 5):
            pieces.append({"text": text[end:word["start"]], "level": 0})
            pieces.append({"text": text[word["start"]:word["end"]], "level": math.ceil(3 * word["weight"] / most)})
            end = word["end"]
    return [piece for piece in [*pieces, {"text": text[end:], "level": 0}] if piece["text"]]


def question_answering(result: dict[str, Any]) -> dict[str, Any]:
    """Passages, the best answer's first, with that answer marked."""
    answers, found = result.get("answers"), result.get("passages", [])
    best = answers[0] if answers else None
    spans = {best["passage"]: [(best["start"], best["end"])]} if best else {}
    passages = [passage | {"pieces": marked(passage["text"], spans.get(n, []))} for n, passage in enumerate(found)]
    if best:
        passages.insert(0, passages.pop(best["passage"]))
    return {"passages": passages[:PASSAGES_SHOWN], "answers": answers, "answered": answers is not None,
            "withheld": result.get("withheld"), "questions": result.get("questions", []),
            "known": result.get("known", False)}


def summarisation(result: dict[str, Any], source: str, text: str) -> dict[str, Any]:
    """The chosen sentences, or what a summary written anew has copied, and the source with them marked."""
    sentences, copied = result.get("sentences", []), result.get("copied", [])
    spans = [(one["start"], one["end"]) for one in sentences] or [(one["from"], one["to"]) for one in copied]
    return {"sentences": sentences, "pieces": marked(source, spans) if spans else [],
            "written": marked(text, [(one["start"], one["end"]) for one in copied]) if copied else [],
            "anew": "copied" in result, "parts": result.get("parts", 1),
            "unread": result.get("read", 0) < result.get("characters", 0)}


def translation(result: dict[str, Any], options: dict[str, Any], text: str = "") -> dict[str, Any]:
    """Segments side by side, the two languages, and the translation with the glossary's terms marked."""
    source, _, target = options.get("direction", "").partition("-")
    terms = result.get("terms", [])
    return {"segments": result.get("segments", []), "terms": terms,
            "written": marked(text, [(one["start"], one["end"]) for one in terms]) if terms else [],
            "source_language": source, "target_language": target}


def generation(result: dict[str, Any], text: str, settled: int, streaming: bool) -> dict[str, Any]:
    """Markdown of what is whole, and the tail that still grows."""
    return {"html": render(text[:settled] if streaming else text), "tail": text[settled:] if streaming else "",
            "count": result.get("count", 0)}


def answer_text(message: Message, task: str) -> str:
    """The answer in words, also where the engine gave only a structured one."""
    result = message.result
    if message.text:
        return message.text
    if task == "classification" and result.get("labels"):
        shown = classification(result)
        return " | ".join(shown["given"]) if shown["several"] else str(shown["best"]["label"])
    if task == "question-answering" and result.get("answers"):
        return str(result["answers"][0]["text"])
    parts = result.get("segments", result.get("sentences", []))
    return "\n".join(part.get("target", part.get("text", "")) for part in parts)


def present(message: Message, *, task: str, source: str = "", live: Generation | None = None) -> dict[str, Any]:
    """All that `chat/message.html` shows of a message. `source` is the question that an answer belongs to."""
    if live is not None:
        message.text, message.result, message.state = live.text, live.result, STREAMING
    shown: dict[str, Any] = {
        "id": message.pk, "role": message.role, "state": message.state, "task": task, "error": message.error,
        "options": message.options, "seconds": message.seconds, "created": message.created, "text": message.text,
        "template": f"chat/answers/{task}.html",
        "stage": live.stage if live else None, "place": live.place if live else None,
        "streaming": message.state == STREAMING, "cut": message.result.get("finish_reason") == "length",
        "retry_after": message.result.get("retry_after"),
    }
    if message.role == USER:
        return shown | translation({}, message.options)
    shown |= ANSWERS[task](message, source, live) | {"text": answer_text(message, task)}
    if message.state in FINISHED and (shown["text"] or task == "question-answering"):
        shown["rating"] = _rating(message)
    return shown | {"opens": any(message.result.get(key) for key in OPENS)}


def rated(message: Message) -> dict[str, Any]:
    """What changes on the page when somebody has rated an answer."""
    task = message.conversation.assistant.task
    return {"id": message.pk, "task": task, "rating": _rating(message),
            "target_language": translation({}, message.options)["target_language"]}


def _rating(message: Message) -> dict[str, Any]:
    """The thumb and the correction, as far as they were read with the message: rendering asks no database."""
    feedback = message._state.fields_cache.get("feedback")
    return {"good": feedback.good if feedback else None, "correction": feedback.correction if feedback else "",
            "labels": labels_of(message), "limit": CORRECTION_CHARACTERS}


def _growing(message: Message, source: str, live: Generation | None) -> dict[str, Any]:
    return generation(message.result, message.text, live.settled if live else 0, live is not None)


ANSWERS: dict[str, Callable[[Message, str, Generation | None], dict[str, Any]]] = {
    "classification": lambda message, source, live: classification(message.result, source),
    "question-answering": lambda message, source, live: question_answering(message.result),
    "summarisation": lambda message, source, live: summarisation(message.result, source, message.text),
    "translation": lambda message, source, live: translation(message.result, message.options, message.text),
    "generation": _growing,
}
"""What `chat/answers/TASK.html` shows, of the answer, its question, and the work while it goes on."""


def thread(conversation: Conversation, live: Generation | None = None) -> list[dict[str, Any]]:
    """All messages of a conversation, in order."""
    task, source, shown = conversation.assistant.task, "", []
    for message in conversation.messages.select_related("feedback").defer("trace"):
        current = live if live is not None and live.message_id == message.pk else None
        shown.append(present(message, task=task, source=source, live=current))
        source = message.text if message.role == USER else source
    return shown


def documents(conversation: Conversation) -> list[dict[str, Any]]:
    """The documents of a conversation."""
    return [{"id": str(document.pk), "name": document.name, "bytes": document.bytes, "state": document.state,
             "reason": document.reason, "passages": document.facts.get("passages"),
             "questions": document.facts.get("questions")}
            for document in conversation.documents.all()]


def token_rows(trace: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each generated token with its probability and the alternatives the model saw."""
    rows = []
    for token in trace:
        candidates = [{"text": text, "probability": math.exp(logprob), "chosen": abs(logprob - token["logprob"]) < 1e-3}
                      for text, logprob in token["candidates"]]
        chosen = next((candidate["text"] for candidate in candidates if candidate["chosen"]), token.get("text", "…"))
        probability = math.exp(token["logprob"])
        rows.append({"text": chosen, "probability": probability, "level": min(int(probability * 5), 4),
                     "candidates": candidates})
    return rows


