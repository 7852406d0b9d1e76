"""Policies of the house, as tests: what CONTRIBUTING.md asks for is checked here."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from itertools import takewhile
from pathlib import Path

import pytest
from django.core.management import get_commands

from modeling.tasks import TASKS
from webapp.jobs.kinds import KINDS, MANAGE

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 400  # lines of a file that people write
WRITTEN = {".py", ".js", ".css", ".html", ".md", ".toml"}
PATH = re.compile(r"[\w./-]+(?:/|\.\w+)|Makefile|LICENSE|\.ci/run")
DATA_FILES = ("modeling/starters/",)  # artifacts and their documents, not code


@cache
def files() -> tuple[str, ...]:
    """What belongs to the repository, as paths from its root: what git tracks and what it does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )
    return tuple(sorted(path for path in listed.stdout.splitlines() if (ROOT / path).is_file()))


def source(*suffixes: str, under: tuple[str, ...] = ("modeling/", "webapp/")) -> list[Path]:
    return [ROOT / path for path in files() if path.startswith(under) and path.endswith(suffixes)]


def test_no_file_is_longer_than_a_reader_can_hold():
    long = {
        path: length
        for path in files()
        if Path(path).suffix in WRITTEN and not path.startswith(DATA_FILES)
        and (length := len((ROOT / path).read_text().splitlines())) > LONGEST
    }
    assert not long


def test_the_tree_in_the_readme_is_true():
    described = set(_tree((ROOT / "README.md").read_text()))
    assert described, "README.md has no annotated tree"
    missing = sorted(path for path in described if not (ROOT / path).exists())
    assert not missing, "described, but not there"
    there = {path.split("/")[0] for path in files()}
    there |= {"/".join(path.split("/")[:2]) for path in files() if path.startswith(("modeling/", "webapp/"))}
    silent = {path for path in there if Path(path).name in ("__init__.py", "__main__.py") or path.startswith(".")}
    assert not there - described - silent, "there, but not described"


def _tree(readme: str) -> Iterator[str]:
    """The paths of the annotated tree: names at the beginning of a line, what each is; children are indented."""
    block = next((block for block in re.findall(r"```\w*\n(.*?)```", readme, re.S) if "manage.py" in block), "")
    folders: list[tuple[int, str]] = []
    for line in block.splitlines():
        names = list(takewhile(PATH.fullmatch, line.split()))
        depth = len(line) - len(line.lstrip())
        while folders and folders[-1][0] >= depth:
            folders.pop()
        parent = folders[-1][1] if folders else ""
        for name in names:
            yield f"{parent}{name}".rstrip("/")
        if len(names) == 1 and names[0].endswith("/"):
            folders.append((depth, parent + names[0]))


def test_the_import_contracts_hold():
    run = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout


def test_the_web_uses_the_library_through_its_fronts_only():
    deep = [
        f"{path.relative_to(ROOT)}: {module}"
        for path in source(".py", under=("webapp/",))
        for module in _imported(path)
        if module.startswith("modeling.") and module.count(".") > 1
    ]
    assert not deep


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_each_module_says_what_it_is_for():
    silent = []
    for path in source(".py"):
        tree = ast.parse(path.read_text())
        if tree.body and not ast.get_docstring(tree) and "migrations" not in path.parts:
            silent.append(str(path.relative_to(ROOT)))
    assert not silent


@pytest.mark.parametrize("front", [path for path in files() if re.fullmatch(r"modeling/\w+/__init__\.py", path)])
def test_each_name_that_a_package_exports_is_documented(front):
    package = importlib.import_module(front.removesuffix("/__init__.py").replace("/", "."))
    names = [getattr(package, name) for name in getattr(package, "__all__", ())]
    assert not [item.__name__ for item in names if inspect.isroutine(item) or inspect.isclass(item) if not item.__doc__]


@pytest.mark.parametrize("name", TASKS)
def test_each_task_is_whole(name):
    task = TASKS[name]
    assert task.title and task.roles and task.models and task.metrics
    assert set(task.names) <= {*task.roles, *task.optional}


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_of_job_is_whole(name):
    kind = KINDS[name]
    assert kind.attempts > 0 and kind.seconds > 0 and 0 <= kind.niceness <= 19
    if kind.command[: len(MANAGE)] == MANAGE:
        assert kind.command[len(MANAGE)] in get_commands()


def test_each_starter_has_a_manifest_a_card_and_is_small_together():
    starters = [path.parent for path in (ROOT / "modeling" / "starters").glob("*/manifest.json")]
    assert starters and all((starter / "card.md").read_text().strip() for starter in starters)
    bytes_together = sum(file.stat().st_size for starter in starters for file in starter.rglob("*") if file.is_file())
    assert bytes_together <= 48 * 1024 * 1024


def test_no_dependency_is_left_without_its_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(one for group in project["optional-dependencies"].values() for one in group)]
    assert not [requirement for requirement in wanted if "==" not in requirement]
    locked = {_name(line) for line in (ROOT / "requirements.lock").read_text().splitlines()}
    apart = {_name(requirement) for requirement in project["optional-dependencies"]["peers"]}  # in .peers
    assert {_name(requirement) for requirement in wanted} - locked <= {"onnxruntime-gpu"} | apart


def _name(requirement: str) -> str:
    return re.split(r"[=\[]", requirement.lower().replace("_", "-"))[0]
