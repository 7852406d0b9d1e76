"""Chat templates: a conversation as the text that a model was tuned on. Strangers write them, so they run in a sandbox.

They are Jinja, as in `chat_template` of Hugging Face folders.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from functools import cached_property
from typing import Any, NoReturn

from jinja2 import TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from modeling.errors import DataError
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
LONGEST_TEXT = 2**20  # characters of the result, and of anything on the way to it
SECONDS = 2.0
_FILTERS = frozenset({"trim", "tojson", "length", "count", "upper", "lower", "title", "capitalize", "join", "replace",
                      "default", "d", "list", "items", "dictsort", "first", "last", "string", "int", "float", "map",
                      "select", "reject", "selectattr", "rejectattr", "sort", "unique", "reverse", "safe", "indent"})
_UNSAFE = frozenset({"center", "ljust", "rjust", "zfill", "expandtabs", "format", "format_map", "join", "replace",
                     "translate", "encode"})
"""Methods of texts that make long ones of short ones; `join` and `replace` exist as filters."""
_deadline: ContextVar[float] = ContextVar("deadline")


def _bounded(value: Any) -> Any:
    if time.monotonic() > _deadline.get():
        raise SecurityError(f"takes longer than {SECONDS:g} s")
    if isinstance(value, str | list | tuple | dict) and len(value) > LONGEST_TEXT:
        raise SecurityError(f"gives more than {LONGEST_TEXT} characters")
    return value


def _joined(*parts: Any) -> str:
    return str(_bounded("".join(map(str, parts))))


def _replaced(text: str, old: str, new: str) -> str:
    if (len(text) + 1) * max(1, len(str(new))) > LONGEST_TEXT and text.count(old) * len(str(new)) > LONGEST_TEXT:
        raise SecurityError("replaces too much")
    return text.replace(str(old), str(new))


class _Watched(NodeTransformer):
    """Has each turn of a loop and each joined text looked at."""

    def visit_For(self, node: nodes.For) -> nodes.For:
        self.generic_visit(node)
        node.body.insert(0, nodes.ExprStmt(nodes.Call(nodes.Name("_tick", "load"), [], [], None, None)))
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Call:
        self.generic_visit(node)
        return nodes.Call(nodes.Name("_joined", "load"), node.nodes, [], None, None)


class _Sandbox(ImmutableSandboxedEnvironment):
    """No attribute of Python's own, nothing that changes what goes in, an end to time and size."""

    intercepted_binops = frozenset({"+", "*", "%", "**"})

    def __init__(self) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
        self.filters = {name: self.filters[name] for name in _FILTERS} | {"tojson": _as_json, "replace": _replaced}
        self.globals |= {"_tick": lambda: _bounded(None), "_joined": _joined, "raise_exception": _refused}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        parsed = super()._parse(source, name, filename)
        _Watched().visit(parsed)
        parsed.set_environment(self)
        return parsed

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return super().is_safe_attribute(obj, attr, value) and not (isinstance(obj, str) and attr in _UNSAFE)

    def call(self, context: Any, function: Any, *args: Any, **kwargs: Any) -> Any:
        _bounded(None)
        return _bounded(super().call(context, function, *args, **kwargs))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or (operator == "%" and isinstance(left, str)):
            raise SecurityError(f"computes with {operator}")
        if operator == "*" and any(isinstance(side, str | list | tuple) for side in (left, right)):
            raise SecurityError("repeats a text")
        return _bounded(super().call_binop(context, operator, left, right))


def _as_json(value: Any, ensure_ascii: bool = False, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=min(indent, 8) if indent else None)


def _refused(message: str) -> NoReturn:
    raise TemplateError(message)


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
            return _Sandbox().from_string(source)
        except (TemplateError, RecursionError, KeyError) as error:
            raise DataError(f"the chat template cannot be read: {error}") from None

    def render(self, messages: Sequence[Message], *, answer: bool) -> str:
        """The conversation as a text; with `answer` up to where the model goes on. Raises DataError."""
        compiled, pieces, size = self._compiled, [], 0
        reset = _deadline.set(time.monotonic() + SECONDS)
        try:
            given = {"messages": [dict(message) for message in messages], "add_generation_prompt": answer,
                     "enable_thinking": False, "bos_token": "", "eos_token": "", **self.tokens}
            for piece in compiled.generate(**given):
                pieces.append(_bounded(piece))
                size += len(piece)
                if size > LONGEST_TEXT:
                    raise SecurityError(f"gives more than {LONGEST_TEXT} characters")
        except Exception as error:  # a template can fail in any way that Python can
            raise DataError(f"the chat template of this model fails: {error}",
                            remedy="Import the model with another template") from None
        finally:
            _deadline.reset(reset)
        return "".join(pieces)

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

