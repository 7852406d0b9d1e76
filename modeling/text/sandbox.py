"""Jinja in a sandbox: what strangers wrote is rendered within bounds of time and memory, and reaches nothing of Python.

Every container that a template makes, every text that it joins, prints or gets from a function counts with all that is
in it; so nothing grows faster than it is looked at, and no single step takes long.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from itertools import chain
from typing import Any, NoReturn

from jinja2 import TemplateError, Undefined, nodes, pass_context, pass_environment
from jinja2.exceptions import SecurityError
from jinja2.filters import do_indent, make_attrgetter
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

LONGEST_TEXT = 2**20  # characters of the result, and of anything on the way to it
SECONDS = 2.0
_VOLUME = 2**26  # characters of all that is made on the way
_ITEM = 8  # characters that an item of a container counts for
_LONGEST_ARGUMENT = 256  # characters, of methods that may look for each of them at each place
_LARGEST_NUMBER = 2**63
_FILTERS = frozenset({"trim", "tojson", "length", "count", "upper", "lower", "title", "capitalize", "join", "replace",
                      "default", "d", "list", "items", "dictsort", "first", "last", "string", "int", "float", "map",
                      "select", "reject", "selectattr", "rejectattr", "sort", "unique", "reverse", "safe", "indent"})
_GLOBALS = ("range", "dict", "namespace")
_METHODS: dict[type, frozenset[str]] = {
    str: frozenset({"strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "partition", "rpartition", "find",
                    "rfind", "index", "rindex", "count", "startswith", "endswith", "removeprefix", "removesuffix",
                    "upper", "lower", "title", "capitalize", "isdigit", "isalpha", "isalnum", "isspace", "isupper",
                    "islower"}),
    dict: frozenset({"get", "items", "keys", "values"}), list: frozenset({"index", "count"}),
    tuple: frozenset({"index", "count"}), int: frozenset(), float: frozenset(), range: frozenset(),
}
"""Type -> its methods that give no more than they get."""
_SINGLE = (int, float, type(None), Undefined, range)


@dataclass(slots=True)
class _Budget:
    deadline: float
    left: int = _VOLUME


_budget: ContextVar[_Budget] = ContextVar("budget")


def rendered(template: Any, given: Mapping[str, Any]) -> str:
    """The text of a template that the `Sandbox` compiled. Raises whatever a template can fail with."""
    reset, pieces, size = _budget.set(_Budget(time.monotonic() + SECONDS)), [], 0
    try:
        for piece in template.generate(**given):
            size += len(piece)
            if size > LONGEST_TEXT:
                raise SecurityError(f"gives more than {LONGEST_TEXT} characters")
            pieces.append(piece)
    finally:
        _budget.reset(reset)
    return "".join(pieces)


def _in_time() -> bool:
    if time.monotonic() > _budget.get().deadline:
        raise SecurityError(f"takes longer than {SECONDS:g} s")
    return True


def _counted(size: int) -> None:
    budget = _budget.get()
    budget.left -= size
    if size > LONGEST_TEXT or budget.left < 0:
        raise SecurityError(f"gives more than {LONGEST_TEXT} characters")


def _bounded(value: Any) -> Any:
    _in_time()
    _counted(_size(value))
    return value


def _size(value: Any, *, within: bool = False) -> int:
    """Characters of a value with all that is in it; a container holds only what can be counted."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, int) and abs(value) > _LARGEST_NUMBER:
        raise SecurityError("computes with too large numbers")
    if not isinstance(value, list | tuple | dict):
        if within and not isinstance(value, _SINGLE):
            raise SecurityError("keeps an object in a list")
        return 1
    size = _ITEM * len(value)
    for one in chain(value, value.values()) if isinstance(value, dict) else value:
        size += _size(one, within=True)
        if size > LONGEST_TEXT:
            raise SecurityError(f"gives more than {LONGEST_TEXT} characters")
    return size


def _printable(value: Any) -> Any:
    """What is turned into text: objects would bring along what hangs on them."""
    if not isinstance(value, (str, list, tuple, dict, *_SINGLE)):
        raise SecurityError("prints an object")
    return _bounded(value)


@pass_context  # so that it is not called while the template is compiled
def _printed(context: Any, value: Any) -> Any:
    return _printable(value)


def _joined(*parts: Any) -> str:
    texts = [str(_printable(part)) for part in parts]
    _counted(sum(map(len, texts)))
    return "".join(texts)


@pass_environment
def _join(environment: Any, value: Any, d: Any = "", attribute: Any = None) -> str:
    items = list(value if attribute is None else map(make_attrgetter(environment, attribute), value))
    _counted(len(items) * len(str(_printable(d))))
    return str(d).join(_joined(item) for item in items)


def _replaced(text: Any, old: Any, new: Any) -> str:
    text, old, new = (str(_printable(one)) for one in (text, old, new))
    _counted(text.count(old) * len(new))
    return text.replace(old, new)


def _trimmed(text: Any, chars: str | None = None) -> str:
    if len(chars or "") > _LONGEST_ARGUMENT:
        raise SecurityError("trims too many characters")
    return str(_printable(text)).strip(chars)


def _indented(text: Any, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    text = str(_printable(text))
    _counted(len(text) + (len(text.splitlines()) + 1) * (len(width) if isinstance(width, str) else abs(int(width))))
    return do_indent(text, width, first, blank)


def _as_json(value: Any, ensure_ascii: bool = False, indent: int | None = None) -> str:
    def pieces() -> Iterator[str]:
        for piece in json.JSONEncoder(ensure_ascii=ensure_ascii, indent=min(indent, 8) if indent else None).iterencode(
                _printable(value)):
            _counted(len(piece))
            yield piece

    return "".join(pieces())


def _refused(message: Any) -> NoReturn:
    raise TemplateError(str(_printable(message)))


_OWN: dict[str, Callable[..., Any]] = {"join": _join, "replace": _replaced, "trim": _trimmed, "indent": _indented,
                                       "tojson": _as_json}


def _watched(function: Any) -> Callable[..., Any]:
    """A filter or a test that is looked at. It fails while the template is compiled, and so is left for later then."""

    @wraps(function)
    def run(*given: Any, **named: Any) -> Any:
        _in_time()
        return _bounded(function(*given, **named))

    return run


def _texted(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same of a filter that makes a text of what it gets."""

    @wraps(function)
    def run(value: Any, *given: Any, **named: Any) -> Any:
        return function(_printable(value), *given, **named)

    return run


class _Looked(NodeTransformer):
    """Has each turn of a loop, each container, each part of a text and each joined text looked at."""

    @staticmethod
    def _call(name: str, *given: nodes.Expr) -> nodes.Call:
        return nodes.Call(nodes.EnvironmentAttribute(name), list(given), [], None, None)

    def visit_For(self, node: nodes.For) -> nodes.For:
        self.generic_visit(node)
        node.body.insert(0, nodes.ExprStmt(self._call("in_time")))
        node.test = None if node.test is None else nodes.And(self._call("in_time"), node.test)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Call:
        self.generic_visit(node)
        return self._call("joined", *node.nodes)

    def visit_TemplateData(self, node: nodes.TemplateData) -> nodes.Call:
        return self._call("bounded", nodes.Const(node.data))

    def _made(self, node: Any) -> nodes.Expr:
        self.generic_visit(node)
        return self._call("bounded", node)

    visit_List = visit_Dict = _made

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Expr:
        return self._made(node) if node.ctx == "load" else node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Expr:
        if isinstance(node.arg, nodes.Slice):
            return self._made(node)
        self.generic_visit(node)
        return node


class Sandbox(ImmutableSandboxedEnvironment):
    """No attribute of Python's own, nothing that changes what goes in, an end to time and size."""

    intercepted_binops = frozenset({"+", "*", "%", "**"})
    in_time, bounded, joined = staticmethod(_in_time), staticmethod(_bounded), staticmethod(_joined)

    def __init__(self) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"],
                         finalize=_printed)
        texted = {name: _texted(self.filters[name]) for name in ("upper", "lower", "title", "capitalize", "string")}
        known: dict[str, Callable[..., Any]] = {name: self.filters[name] for name in _FILTERS}
        self.filters = {name: _watched(function) for name, function in (known | texted | _OWN).items()}
        self.tests = {name: _watched(function) for name, function in self.tests.items()}
        self.globals = {name: self.globals[name] for name in _GLOBALS} | {"raise_exception": _refused}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        parsed = super()._parse(source, name, filename)
        _Looked().visit(parsed)
        parsed.set_environment(self)
        return parsed

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        known = next((names for kind, names in _METHODS.items() if isinstance(obj, kind)), None)
        return super().is_safe_attribute(obj, attr, value) and (known is None or attr in known)

    def call(self, context: Any, function: Any, *args: Any, **kwargs: Any) -> Any:
        _in_time()
        if isinstance(getattr(function, "__self__", None), str) and any(
                isinstance(one, str) and len(one) > _LONGEST_ARGUMENT for one in args):
            raise SecurityError("looks for too long a text")
        return _bounded(super().call(context, function, *args, **kwargs))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or (operator == "%" and isinstance(left, str)):
            raise SecurityError(f"computes with {operator}")
        if operator == "*" and any(isinstance(side, str | list | tuple) for side in (left, right)):
            raise SecurityError("repeats a text")
        return _bounded(super().call_binop(context, operator, left, right))
