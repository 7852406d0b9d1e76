"""Every text that a person sees is there in Chinese too."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import polib
import pytest
from django.conf import settings
from django.utils.translation.template import templatize

from webapp.chat.catalogues import compile_catalogues

CATALOGUES = [path for path in sorted((settings.ROOT / "locale").glob("*/zh_Hans/LC_MESSAGES/django.po"))
              if path.parents[2].name != "admin"]  # that one is for texts of packages
CALLS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "_n"}
GETTEXT = re.compile(r"""\b(?:gettext|_|ngettext)\(\s*u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")


def texts_of_python(source: str) -> Iterator[str]:
    """First arguments of calls that translate."""
    for node in ast.walk(ast.parse(source)):
        if (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS and node.args
                and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)):
            yield node.args[0].value


def texts_of_template(source: str) -> Iterator[str]:
    """What Django would give to xgettext."""
    for found in GETTEXT.finditer(templatize(source)):
        yield ast.literal_eval(found.group(1))


@cache
def texts() -> set[str]:
    found = {text for path in (settings.ROOT / "webapp").rglob("*.py") if "migrations" not in path.parts
             for text in texts_of_python(path.read_text(encoding="utf-8"))}
    for path in (settings.ROOT / "templates").rglob("*.html"):
        found |= set(texts_of_template(path.read_text(encoding="utf-8")))
    return found


def entries() -> list[polib.POEntry]:
    return [entry for path in CATALOGUES for entry in polib.pofile(str(path))]


def test_the_chinese_catalogues_are_complete() -> None:
    known = {entry.msgid for entry in entries() if entry.translated()}
    assert sorted(texts() - known) == []


def test_the_chinese_catalogues_hold_nothing_that_is_not_used() -> None:
    from_modeling = "# said by modeling"
    stale = [entry.msgid for entry in entries()
             if entry.msgid not in texts() and from_modeling not in f"# {entry.tcomment}"]
    assert stale == []


def test_no_text_is_translated_in_two_catalogues() -> None:
    names = [entry.msgid for entry in entries()]
    assert sorted(name for name in set(names) if names.count(name) > 1) == []


def test_translations_keep_their_placeholders() -> None:
    for entry in entries():
        for translated in [entry.msgstr, *entry.msgstr_plural.values()]:
            if translated:
                wanted = set(PLACEHOLDER.findall(entry.msgid_plural or entry.msgid))
                assert set(PLACEHOLDER.findall(translated)) == wanted, entry.msgid


def test_compiling_needs_no_gettext_and_happens_once(tmp_path: Path) -> None:
    folder = tmp_path / "zh_Hans" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "django.po").write_bytes(CATALOGUES[0].read_bytes())
    assert [path.name for path in compile_catalogues(tmp_path)] == ["django.mo"]
    assert compile_catalogues(tmp_path) == []
    assert polib.mofile(str(folder / "django.mo"))


@pytest.mark.parametrize("language", [code for code, _name in settings.LANGUAGES])
def test_both_languages_are_offered(language: str) -> None:
    assert language in ("en", "zh-hans")
