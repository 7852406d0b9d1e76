"""Chat templates: a conversation as the text that a model was tuned on. Strangers write them, so they run in a sandbox.

They are Jinja, as in `chat_template` of Hugging Face folders.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from modeling.errors import DataError
from modeling.text.sandbox import Sandbox, rendered
from modeling.text.tokenizer import Tokenizer

Message = Mapping[str, str]
"""Its `role` (system, user or assistant) and its `content`."""

PLAIN = """{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}

{% elif m.role == 'user' %}### Instruction:
{{ m.content }}

{% else %}### Response:
{{ m.content }}{{ eos_token }}

{% endif %}{% endfor %}{% if add_generation_prompt %}### Response:
{% endif %}"""
"""For models that come without a template (after Taori et al. 2023, Alpaca)."""

LONGEST_TEMPLATE = 2**16  # characters


class Chat:
    """How a model is talked to: what stands before a text, which tokens end one, and the template of a conversation.

    It comes from, and goes into, an artifact's preprocessing: `start`, `ends`, `template`, `tokens`.
    """

    def __init__(self, tokenizer: Tokenizer, preprocessing: Mapping[str, Any]) -> None:
        self.tokenizer = tokenizer
        one = [[token] if token is not None else [] for token in (tokenizer.bos_id, tokenizer.eos_id)]
        self.start: list[int] = list(preprocessing.get("start", one[0]))
        self.ends: list[int] = list(preprocessing.get("ends", one[1]))
        self.template: str = preprocessing.get("template", "")
        self.tokens: dict[str, str] = dict(preprocessing.get("tokens", {}))

    def preprocessing(self) -> dict[str, Any]:
        return {"start": self.start, "ends": self.ends, "template": self.template, "tokens": self.tokens}

    @cached_property
    def _compiled(self) -> Any:
        if len(self.template) > LONGEST_TEMPLATE:
            raise DataError(f"the chat template has {len(self.template)} characters",
                            allowed=f"It may have {LONGEST_TEMPLATE}")
        source = re.sub(r"\{%-?\s*(end)?generation\s*-?%\}", "", self.template)  # marks for training elsewhere
        try:
            return Sandbox().from_string(source)
        except Exception as error:  # also of what Jinja makes of it, which Python may not take
            raise DataError(f"the chat template cannot be read: {str(error)[:500]}") from None

    def render(self, messages: Sequence[Message], *, answer: bool) -> str:
        """The conversation as a text; with `answer` up to where the model goes on. Raises DataError."""
        compiled = self._compiled
        given = {"messages": [dict(message) for message in messages], "add_generation_prompt": answer,
                 "enable_thinking": False, "bos_token": "", "eos_token": "", **self.tokens}
        try:
            return rendered(compiled, given)
        except Exception as error:  # a template can fail in any way that Python can
            raise DataError(f"the chat template of this model fails: {str(error)[:500]}",
                            remedy="Import the model with another template") from None

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Ids up to where the model answers. What people typed gives no special tokens."""
        return self.tokenizer.encode_marked(self.render(self._plain(messages), answer=True))

    def fitting(self, messages: Sequence[Message], room: int) -> list[int]:
        """The prompt of the newest messages that fit into `room` tokens; a system message and the last one stay."""
        system = [m for m in messages[:1] if m["role"] == "system"]
        rest = list(messages[len(system) :])
        while len(ids := self.prompt([*system, *rest])) > room and len(rest) > 1:
            rest = rest[1:]
            while len(rest) > 1 and rest[0]["role"] != "user":
                rest = rest[1:]
        return ids

    def taught(self, messages: Sequence[Message]) -> tuple[list[int], list[bool]]:
        """Ids of a whole conversation, and for each whether it belongs to an answer, which is what is learnt."""
        messages = self._plain(messages)
        whole, spans, done = self.render(messages, answer=False), [], 0
        for index, message in enumerate(messages):
            if message["role"] == "assistant":
                before = self.render(messages[:index], answer=True)
                after = self.render(messages[: index + 1], answer=False).rstrip("\n")
                if not (whole.startswith(before) and whole.startswith(after) and len(before) >= done):
                    return self._last_only(messages)
                done = len(after)
                spans.append((len(before), done))
        ids, offsets = self.tokenizer.encode_marked_with_offsets(whole)
        learnt = [any(start < stop and start >= first and start < last for first, last in spans)
                  for start, stop in offsets]
        return self._ended(ids, learnt)

    def _last_only(self, messages: Sequence[Message]) -> tuple[list[int], list[bool]]:
        """Where a template writes earlier answers in another way, only the last one is learnt."""
        ids = self.prompt(messages[:-1])
        answer = [*self.tokenizer.encode(messages[-1]["content"]), *self.ends[:1]]
        return [*ids, *answer], [False] * len(ids) + [True] * len(answer)

    def _ended(self, ids: list[int], learnt: list[bool]) -> tuple[list[int], list[bool]]:
        """The last answer learns to end: a template that writes no end token gets one."""
        last = max((i for i, wanted in enumerate(learnt) if wanted), default=-1)
        if last >= 0 and self.ends and ids[last] not in self.ends:
            ids, learnt = [*ids[: last + 1], self.ends[0]], [*learnt[: last + 1], True]
        return ids, learnt

    def _plain(self, messages: Sequence[Message]) -> list[Message]:
        """Messages in which the texts of special tokens are broken up, so that they are only text."""
        return [{**message, "content": self._broken(message["content"])} for message in messages]

    def _broken(self, text: str) -> str:
        for token in self.tokenizer.special_tokens:
            text = text.replace(token, f"{token[:1]} {token[1:]}")
        return text

