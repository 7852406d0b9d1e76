"""Every field of every form, with whatever people and programs put into it: told beside the field, nothing written."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django import forms
from django.conf import settings as site
from django.core.cache import cache
from django.db import connection
from django.forms.formsets import BaseFormSet
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext
from django.urls import Resolver404, resolve, reverse

from modeling.configs import MODELS, Option
from tests.webapp.form_table import BESIDE, FILES, FORMS, NOTICE, PAGE, SILENT, STATUS, WITHOUT_FIELDS, Field, Form
from tests.webapp.form_world import FormWorld, make_form_world
from tests.webapp.rights_table import READ, RULES
from tests.webapp.test_rights import FROM_AFAR, WRITES, body, unchanged
from webapp.training.forms import PREFIX, TrainForm

pytestmark = pytest.mark.django_db
MARKUP = "<script>alert(1)</script>\"'{{ 1 }}{% x %}"
FAULT = re.compile("errorlist|text-red-600")  # ours and Django's, and the theme's
HALF = "a\ud800b"
HOSTILE = ("", "x" * 10_000, "many", "1.5", "-1", "0", "1e400", "NaN", "inf", "-inf", "999999999999999999999",
           "00000000-0000-0000-0000-00000000000", "a\0b", "a\x07\x1b\u202eb", HALF, MARKUP)
BESIDES = {"csrfmiddlewaretoken", "next", "basis", "examples-MIN_NUM_FORMS", "examples-MAX_NUM_FORMS"}
# Models that have to start from trained weights have none here, but for the reader.
OPTIONS = [(task, model) for task, models in MODELS.items() for model, entry in models.items()
           if entry.parent != "must" or model == "bert" and task == "question-answering"]
TASK_OF = {"lstm": "classification", "decoder": "generation", "transformer": "translation",
           "bert": "question-answering"}
MAY_BE_ZERO = {"wanted_accuracy", "dropout_between", "dropout_input", "dropout_words", "dropout_weights", "activation",
               "slowness", "free_bits", "word_dropout", "autoencoding", "annealing", "weight_decay", "clip", "patience",
               "dropout", "warmup", "decay", "label_smoothing", "negatives", "stride"}
WORDS = {"preprocessing_words", "preprocessing_stop_kept"}  # any word is one
SLIPS = [  # each would have failed, or gone on for weeks, only once the training ran
    ("lstm", "vocabulary_size", "299"), ("lstm", "length", "0"), ("lstm", "dropout", "1"), ("lstm", "epochs", "1e9"),
    ("lstm", "label_smoothing", "1"), ("lstm", "steps", "100000000"), ("lstm", "batch_tokens", "0"),
    ("lstm", "hidden", "1000000"), ("lstm", "evaluations", "0"), ("decoder", "heads", "7"), ("decoder", "width", "100"),
    ("decoder", "kv_heads", "3"), ("decoder", "context", "8"), ("decoder", "context", "100000"),
    ("decoder", "theta", "0.5"), ("transformer", "context", "1"), ("transformer", "shares", "0,0"),
    ("transformer", "shares", "nan"), ("transformer", "directions", "en-en"), ("transformer", "directions", "enfr"),
    ("transformer", "beam", "9"), ("transformer", "heads", "5"), ("bert", "window", "8"), ("bert", "window", "513"),
    ("bert", "stride", "200"), ("bert", "negatives", "1.1"),
]


class Page(HTMLParser):
    """The controls of a page with what is in them, and the faults told after each."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.values: dict[str, list[str]] = {}
        self.faults: dict[str, str] = {}
        self._posted: list[tuple[str, str]] = []  # action of the form, or # and its id; name of the control
        self._actions: dict[str, str] = {}
        self._last = self._text = ""
        self._action: str | None = None  # outside of forms that are posted
        self._error: tuple[str, int] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        name = found.get("name", "")
        if tag == "form":
            self._action = found.get("action", "") if found.get("method") == "post" else None
            self._actions["#" + found.get("id", "")] = found.get("action", "")
        if "data-begin" in found:
            self._last = "uploads"
        if self._error and tag == self._error[0]:
            self._error = (tag, self._error[1] + 1)
        elif not self._error and (FAULT.search(found.get("class", "")) or found.get("role") == "alert"):
            self._error = (tag, 1)
        if name and tag in ("input", "select", "textarea", "button"):
            if self._action is not None or "form" in found:
                self._posted.append(("#" + found["form"] if "form" in found else self._action or "", name))
            if found.get("type") != "hidden":
                self._last = name
            if tag == "input" and found.get("type") not in ("checkbox", "radio"):
                self.values.setdefault(name, []).append(found.get("value", ""))
            self._text = name if tag == "textarea" else ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.values.setdefault(self._text, [""])
            self._text = ""
        if tag == "form":
            self._action = None
        if self._error and tag == self._error[0]:
            self._error = (tag, self._error[1] - 1) if self._error[1] > 1 else None

    def handle_data(self, data: str) -> None:
        if self._text:
            kept = self.values.setdefault(self._text, [""])
            kept[-1] += data.removeprefix("\n") if not kept[-1] else data
        if self._error and data.strip():
            self.faults[base(self._last)] = data.strip()

    @property
    def posted(self) -> Iterator[tuple[str, str]]:
        """Where each control is sent; "" for the page's own address."""
        return ((self._actions.get(action, action), name) for action, name in self._posted)


def base(name: str) -> str:
    """The field of a control: a moment has two, and all examples are alike."""
    return re.sub(r"-(\d|__prefix__)-", "-0-", re.sub(r"_[01]$", "", name))


@pytest.fixture
def world(tmp_path: Path, settings: Any) -> FormWorld:
    settings.HOME, settings.DOCUMENTS = tmp_path / "home", tmp_path / "home" / "documents"
    settings.DATASET_FOLDER = tmp_path / "folder"
    settings.DATASET_FOLDER.mkdir()
    (settings.DATASET_FOLDER / "ours.csv").write_text("text,label\na,b\n")
    return make_form_world()


def send(world: FormWorld, form: Form, data: Mapping[str, Any]) -> HttpResponse:
    path = reverse(form.name, args=form.where(world)) + form.query(world)
    given = {name: value(world) if callable(value) else value for name, value in data.items()}
    how: dict[str, Any] = {"headers": {"Origin": site.ORIGINS[0]}, **FROM_AFAR}
    cache.clear()  # no throttle
    if form.sent == "json":
        return world.browsers[form.by].post(path, json.dumps(given), content_type="application/json", **how)
    if any(hasattr(value, "read") for value in given.values()):
        return world.browsers[form.by].post(path, given, **how)
    sent = "&".join(f"{name}={quote(str(value).encode('utf-8', 'surrogatepass'))}" for name, value in given.items())
    return world.browsers[form.by].post(path, sent, content_type="application/x-www-form-urlencoded", **how)


def files() -> set[tuple[str, int]]:
    return {(str(path), path.stat().st_size) for path in site.HOME.rglob("*") if path.is_file()}


def told(field: Field | None, name: str, page: Page, response: HttpResponse, html: str) -> bool:
    how = field.told if field else PAGE
    if how == SILENT:
        return True
    if how == STATUS:
        return 400 <= response.status_code < 500
    if how == NOTICE:
        return bool(re.search(r'class="notice".*<span>[^<]+</span>', html, re.S))
    return bool(page.faults) if how == PAGE else bool(page.faults.get(base(name)))


def faults(world: FormWorld, form: Form, data: Mapping[str, Any], wrong: list[str], what: str) -> Iterator[str]:
    """What is not as it should be when `data` are sent, of which the fields `wrong` cannot be taken."""
    there = files()
    with unchanged(world), CaptureQueriesContext(connection) as queries:
        response = send(world, form, data)
        html = body(response)
    said = f"{form.name}{form.query(world)[:9]} {what}: {response.status_code}"
    if response.status_code >= 500:
        yield said
    if "<script>alert(1)" in html:
        yield f"{said} shows markup"
    if not wrong:
        return
    if response.status_code < 400 and response.status_code != 200:
        yield f"{said}, taken"
        return
    if written := [query["sql"] for query in queries if WRITES.match(query["sql"])]:
        yield f"{said} writes {written[0][:90]}"
    if new := files() ^ there:
        yield f"{said} changes files: {sorted(new)[:2]}"
    page = Page(html)
    for name in wrong:
        field = form.fields.get(name)
        if field is None and form.sent == "json":
            field = Field(takes=lambda _w, _v: False, told=STATUS)
        elif field is None and name:
            field = Field(takes=lambda _w, _v: False, told=BESIDE)
        if not told(field, name, page, response, html):
            yield f"{said} says nothing beside {name or 'the form'}: {page.faults}"
    for name, field in form.fields.items():
        value = str(data.get(name, ""))
        if any(one.endswith("_FORMS") for one in wrong) and name.startswith("examples-"):
            continue  # nobody types these
        if field.kept and value != HALF and not hasattr(data.get(name), "read") and (
                response.status_code == 200 and page.values.get(name, [""])[-1].strip() != value.strip()):
            yield f"{said} forgets {name}: {page.values.get(name)!r:.60}"


def attempts(world: FormWorld, form: Form) -> Iterator[tuple[dict[str, Any], list[str], str]]:
    """All fields at once with each value; each field alone; what is only wrong together."""
    right, values = dict(form.right(world)), (*HOSTILE, *world.foreign)
    open_fields = {name: field for name, field in form.fields.items() if not field.alone}
    for value in values if open_fields else ():
        wrong = [name for name, field in open_fields.items() if not field.takes(world, value)]
        yield right | dict.fromkeys(open_fields, value), wrong, f"all {value!r:.30}"
    for name, field in form.fields.items():
        refused = [value for value in values if not field.takes(world, value)]
        for value in values if field.alone else refused[:1]:
            yield right | {name: value}, [name] if value in refused else [], f"{name}={value!r:.30}"
        if name == "file":
            for make in FILES:
                yield right | {name: make()}, [name], f"a file {make().name[:20]!r}"
    for changes, name in form.together:
        yield right | dict(changes), [name], f"{changes!r:.60}"


@pytest.mark.parametrize("part", range(4))
def test_bad_input_is_told_beside_its_field_and_nothing_is_written(world: FormWorld, part: int) -> None:
    found = [fault for form in FORMS[part::4] for data, wrong, what in attempts(world, form)
             for fault in faults(world, form, data, wrong, what)]
    assert not found, f"{len(found)}\n" + "\n".join(found[:60])


def option_takes(name: str, kind: str, value: str) -> bool:
    """Whether an option may be so, as far as its kind tells."""
    if kind == "bool" or not value.strip():
        return True
    if kind == "choice":
        return False
    if name in WORDS:
        return len(value) <= 64 and value.isprintable() and "<" not in value
    if kind == "text":
        return name == "shares" and value == "0.5"
    return (value == "0" and name in MAY_BE_ZERO) or (
        value == "1.5" and kind == "float" and name in {
            "learning_rate", "theta", "clip", "epochs", "weight_decay", "activation", "slowness", "free_bits"})


def right_for(world: FormWorld, task: str, model: str, **changes: str) -> dict[str, str]:
    return {"task": task, "version": str(world.versions[task].pk), "model": model, "name": "", **changes}


def judged(known: list[Option], task: str, model: str) -> list[Option]:
    """The steps of preprocessing are the same for all models, and settings of a training for all of a job that have
    them: one of these models is enough."""
    shown = next(name for of, name in OPTIONS if of == task)
    return [option for option in known if (option.group != "preprocessing" or model == "lstm")
            and (option.group != "training" or model == shown or option.name in MODELS[task][model].uses)]


def test_every_option_of_every_model_is_judged_before_the_training(world: FormWorld) -> None:
    tess, found = world.users["tess"], []
    for task, model in OPTIONS:
        known = TrainForm(right_for(world, task, model), user=tess, start={})
        assert known.is_valid(), known.errors
        for option in judged(known.known, task, model):
            field = PREFIX + option.name
            for value in HOSTILE:
                form = TrainForm(right_for(world, task, model, **{field: value}), user=tess, start={})
                fine = form.is_valid()
                if fine is not option_takes(option.name, option.kind, value) or set(form.errors) - {field}:
                    found.append(f"{model} {option.name}={value!r:.30}: {dict(form.errors)}")
    assert not found, f"{len(found)}\n" + "\n".join(found[:60])


def test_a_wrong_option_is_told_beside_it(world: FormWorld) -> None:
    [train] = [form for form in FORMS if form.name == "admin:training_trainingrun_add"]
    found = []
    for task, model in OPTIONS:
        known = TrainForm(right_for(world, task, model), user=world.users["tess"], start={}).known
        slips = [(name, value) for of, name, value in SLIPS if (of, TASK_OF[of]) == (model, task)]
        for name, value in [*((one.name, MARKUP) for one in judged(known, task, model) if one.kind != "bool"), *slips]:
            data = right_for(world, task, model, **{PREFIX + name: value})
            found += faults(world, train, data, [PREFIX + name], f"{model} {name}={value!r:.20}")
    assert not found, f"{len(found)}\n" + "\n".join(found[:60])


@pytest.mark.parametrize("offset", [*HOSTILE, "4"])
def test_a_piece_of_a_file_goes_nowhere_else(world: FormWorld, offset: str) -> None:
    path = reverse("admin:datasets_upload_piece", args=[world.upload.pk])
    response = world.browsers["tess"].put(f"{path}?offset={quote(offset.encode('utf-8', 'surrogatepass'))}", b"abcd")
    assert response.status_code in ((200,) if offset == "0" else (400, 409))
    assert offset == "0" or "error" in response.json()


def test_no_question_in_an_address_breaks_a_page(world: FormWorld) -> None:
    """What pages read out of their address: filters, searches, choices, pages of a list."""
    asked = ("q", "p", "o", "e", "page", "list", "assistant", "artifact", "again", "version", "parent", "task", "model",
             "run", "attempt", "expected", "output", "language", "theme", "ticket", "owner__id__exact", "task__exact",
             "role__exact", "basis", "seed", "set_epochs")
    found = []
    for name, rule in RULES.items():
        for value in ("x" * 1000, "-1", "NaN", "999999999999999999999", "a\0b", HALF, MARKUP, "[]", "{"):
            actor = next((one for one in ("tess", "ada", "mia") if one in rule.who), "")
            if not actor or rule.how not in (READ, "form") or name.startswith("admin/"):
                continue
            query = "&".join(f"{key}={quote(value.encode('utf-8', 'surrogatepass'))}" for key in asked)
            with unchanged(world):
                response = world.browsers[actor].get(f"{reverse(name, args=rule.where(world))}?{query}")
            if response.status_code >= 500 or "<script>alert(1)" in body(response):
                found.append(f"{name} {value!r:.30}: {response.status_code}")
    assert not found, "\n".join(found)


def test_every_address_that_takes_something_is_in_the_table() -> None:
    takes = {name for name, rule in RULES.items() if rule.how != READ and rule.who} | {"link-embed"}  # its password
    known = {form.name for form in FORMS} | WITHOUT_FIELDS
    assert takes - known == set(), "addresses without a rule for what is sent to them"
    assert known - takes == set(), "rules for addresses that take nothing"


def shown_forms(response: HttpResponse) -> Iterator[forms.BaseForm]:
    for context in response.context or ():
        for value in context.flatten().values() if hasattr(context, "flatten") else context.values():
            one = getattr(value, "form", value)  # the admin wraps them
            if isinstance(one, forms.BaseForm):
                yield one
            elif isinstance(one, BaseFormSet):
                yield one.management_form
                yield from one.forms[:1]


def test_every_field_that_a_page_shows_or_a_view_reads_is_in_the_table(world: FormWorld) -> None:
    known: dict[str, set[str]] = {}
    for form in FORMS:
        known.setdefault(form.name, set()).update(map(base, form.fields))
    seen, missing, everything = set(), set(), {name for names in known.values() for name in names} | BESIDES
    for form in FORMS:
        path = reverse(form.name, args=form.where(world)) + form.query(world)
        for method in ("get", "post"):
            with unchanged(world):
                response = getattr(world.browsers[form.by], method)(path, headers={"Origin": site.ORIGINS[0]})
            for one in shown_forms(response):
                seen.add(type(one))
                names = {base(one.add_prefix(name)) for name in one.fields}
                missing |= {(form.name, name) for name in names - everything if not name.startswith(PREFIX)}
            for action, name in Page(body(response)).posted if response.status_code == 200 else ():
                target = _name_of(action or path)
                if base(name) not in known.get(target, everything) | BESIDES and not name.startswith(("_", PREFIX)):
                    missing.add((target, name))
    assert missing == set(), "fields for which nobody has said what they take"
    unseen = {one for one in _form_classes() if not any(issubclass(shown, one) for shown in seen)}
    assert unseen == set(), "forms that no address of the table shows"
    assert _read_by_views() - everything - {"current", "next"} == set()


def _name_of(address: str) -> str:
    try:
        return resolve(address.partition("?")[0]).view_name
    except Resolver404:
        return ""


def _form_classes() -> set[type]:
    modules = [importlib.import_module(f"webapp.{path.parent.name}.forms")
               for path in Path(site.ROOT, "webapp").glob("*/forms.py")]
    return {one for module in modules for one in vars(module).values() if isinstance(one, type)
            and issubclass(one, forms.BaseForm) and one.__module__ == module.__name__}


def _read_by_views() -> set[str]:
    reads = re.compile(r"""(?:POST|FILES)(?:\.get|\.getlist)?[\[(]f?"([\w-]+)""")
    sources = [path.read_text() for path in Path(site.ROOT, "webapp").rglob("*.py")]
    return {name if name != "correction-" else "correction-1" for text in sources for name in reads.findall(text)}
