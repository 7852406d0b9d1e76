"""The folder of an artifact: read and checked, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import re
import secrets
import shutil
import stat
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from modeling.artifact.locations import external_locations
from modeling.errors import ArtifactError, ConfigError
from modeling.tasks import TASKS

if TYPE_CHECKING:
    from modeling.text import Tokenizer

T = TypeVar("T")
SCHEMA = 1
MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
SCALE = ".scale"  # the tensor NAME.scale holds the row scales of an int8 tensor NAME
MANIFEST_LIMIT = 16 * 2**20  # bytes; a manifest is a few kilobytes, more is an attack or a mistake
TEXT_LIMITS = {"card.md": 2**19, "labels.json": 16 * 2**20, "metrics.json": 4 * 2**20, "tokenizer.json": 64 * 2**20,
               "source_tokenizer.json": 64 * 2**20}
"""Bytes. These are read whole, also for a page; the weights never are."""
REQUIRED = {"name": str, "task": str, "model": str, "digest": str, "config": dict, "preprocessing": dict, "files": dict,
            "graphs": list}
OPTIONAL = {"lineage": dict, "parity": dict, "languages": list, "defaults": dict}
LINEAGE = {"rows": dict, "parent": dict}  # of which each may be null
GRAPH_ENTRY = {"role": str, "device": str, "file": str, "inputs": list, "outputs": list}
FILE_ENTRY = {"sha256": str, "bytes": int}
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_REMEDY = "Export or download the artifact again"


class Artifact:
    """A verified artifact folder. Make one with `Artifact.load`."""

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self.path, self.manifest = path, manifest

    @classmethod
    def load(cls, path: Path | str, verify: bool = True) -> Artifact:
        """Read the manifest and check every file it names.

        `verify=False` leaves out the hashes (not the sizes), for an artifact that this process verified before.
        Raises ArtifactError for anything missing, altered, unknown or outside of the folder.
        """
        path = Path(path).absolute()
        manifest = _read_manifest(path)
        for name, entry in manifest["files"].items():
            _check_file(path, name, entry, verify)
        _check_graphs(path, manifest)
        return cls(path, manifest)

    def __repr__(self) -> str:
        return f"Artifact({self.name!r}, {self.task}, {self.path})"

    @property
    def name(self) -> str:
        return str(self.manifest["name"])

    @property
    def task(self) -> str:
        return str(self.manifest["task"])

    @property
    def model(self) -> str:
        return str(self.manifest["model"])

    @property
    def digest(self) -> str:
        """SHA-256 over the manifest, and so over all files: the identity of this version."""
        return str(self.manifest["digest"])

    @property
    def config(self) -> dict[str, Any]:
        return dict(self.manifest["config"])

    @property
    def preprocessing(self) -> dict[str, Any]:
        return dict(self.manifest["preprocessing"])

    @property
    def languages(self) -> list[str]:
        return list(self.manifest.get("languages", []))

    @property
    def defaults(self) -> dict[str, Any]:
        """Sampling defaults, by the names of SamplingParams."""
        return dict(self.manifest.get("defaults", {}))

    @property
    def graphs(self) -> list[dict[str, Any]]:
        """Manifest entries: role, device, file, precision, opset, inputs and outputs (name, type, shape)."""
        return list(self.manifest["graphs"])

    @property
    def bytes(self) -> int:
        """Size of all files without the manifest."""
        return sum(entry["bytes"] for entry in self.manifest["files"].values())

    @cached_property
    def labels(self) -> list[str] | None:
        return self._json("labels.json", list) if "labels.json" in self.manifest["files"] else None

    @cached_property
    def metrics(self) -> dict[str, Any]:
        return self._json("metrics.json", dict) if "metrics.json" in self.manifest["files"] else {}

    @cached_property
    def card(self) -> str:
        return self._file("card.md").read_text("utf-8", "replace") if "card.md" in self.manifest["files"] else ""

    @cached_property
    def tokenizer(self) -> Tokenizer:
        return self._tokenizer("tokenizer.json")

    @cached_property
    def source_tokenizer(self) -> Tokenizer:
        """Of an encoder-decoder's sources: the one tokenizer, unless they have one of their own."""
        own = "source_tokenizer.json"
        return self._tokenizer(own) if own in self.manifest["files"] else self.tokenizer

    def _tokenizer(self, name: str) -> Tokenizer:
        from modeling.text import Preprocessing, Tokenizer  # an artifact without a tokenizer need not load the library

        try:
            steps = Preprocessing.from_dict(self.manifest["preprocessing"].get("text", {}))
        except ConfigError as error:
            raise ArtifactError(f"The preprocessing of {self.name} cannot be done: {error}", remedy=_REMEDY) from error
        return Tokenizer.load(self._file(name), steps)

    def graph(self, role: str, device: str = "cpu") -> Path:
        """Path of the graph with this role for this device ("cpu" or "cuda"); ArtifactError where there is none."""
        for entry in self.manifest["graphs"]:
            if (entry["role"], entry["device"]) == (role, device):
                return self._file(entry["file"])
        there = ", ".join(f"{e['role']} for {e['device']}" for e in self.manifest["graphs"]) or "no graph at all"
        raise ArtifactError(f"{self.name} has no graph {role!r} for {device}", allowed=f"It has {there}")

    def state_dict(self) -> dict[str, np.ndarray]:
        """All weights as fp32 arrays by their state-dict names; int8 rows are scaled back."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            stored = load_file(self._file(WEIGHTS))
        except SafetensorError as error:
            raise ArtifactError(f"{self.path / WEIGHTS} is not safetensors: {error}", remedy=_REMEDY) from error
        scales = {name.removesuffix(SCALE): stored.pop(name) for name in list(stored) if name.endswith(SCALE)}
        return {name: array.astype(np.float32) * scales.get(name, np.float32(1)) for name, array in stored.items()}

    def _file(self, name: str) -> Path:
        if name not in self.manifest["files"]:
            raise ArtifactError(f"The artifact {self.name} has no file {name}", remedy=_REMEDY)
        return self.path / name

    def _json(self, name: str, kind: type[T]) -> T:
        value = _parse_json(self._file(name).read_bytes(), self.path / name)
        if not isinstance(value, kind):
            raise ArtifactError(f"{self.path / name} is not a JSON {kind.__name__}", remedy=_REMEDY)
        return value


def write_artifact(out: Path | str, *, manifest: Mapping[str, Any], files: Mapping[str, bytes | Path]) -> Artifact:
    """Write an artifact folder whole or not at all, and load it back verified.

    `manifest` lacks `schema`, `files` and `digest`, which are made here; a Path among `files` is copied. An artifact
    at `out` is replaced in one step; anything else that is there raises ArtifactError.
    """
    out = Path(out).absolute()
    if os.path.lexists(out) and not (out / MANIFEST).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise ArtifactError(f"{out} exists and is not an artifact", remedy="Choose another name or move it away")
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.parent / f".{out.name}.{secrets.token_hex(6)}"
    temporary.mkdir()
    try:
        entries = {name: _write_file(temporary, name, content) for name, content in files.items()}
        whole = {**manifest, "schema": SCHEMA, "files": entries}
        whole["digest"] = _digest(whole)
        _write_file(temporary, MANIFEST, json.dumps(whole, indent=1, ensure_ascii=False).encode())
        Artifact.load(temporary)
        sync(temporary)
        _move(temporary, out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return Artifact.load(out, verify=False)


def _write_file(folder: Path, name: str, content: bytes | Path) -> dict[str, Any]:
    if not FILE_NAME.fullmatch(name):
        raise ArtifactError(f"{name!r} cannot be a file of an artifact", allowed=f"Names match {FILE_NAME.pattern}")
    path = folder / name
    if isinstance(content, Path):
        shutil.copyfile(content, path)
    else:
        path.write_bytes(content)
    sync(path)
    return {"sha256": _sha256(path), "bytes": path.stat().st_size}


def replace_card(folder: Path | str, text: str) -> Artifact:
    """Give an artifact another card, in one step; its digest changes with it. Raises ArtifactError as `load` does."""
    artifact = Artifact.load(folder)
    files: dict[str, bytes | Path] = {name: artifact.path / name for name in artifact.manifest["files"]}
    return write_artifact(artifact.path, manifest=artifact.manifest, files=files | {"card.md": text.encode()})


def replace_preprocessing(folder: Path | str, changes: Mapping[str, Any], metrics: Mapping[str, Any]) -> Artifact:
    """Give an artifact other settings of serving, and figures beside those it has, in one step: its weights stay.

    Raises ArtifactError as `load` does.
    """
    artifact = Artifact.load(folder)
    files: dict[str, bytes | Path] = {name: artifact.path / name for name in artifact.manifest["files"]}
    figures = json.dumps({**artifact.metrics, **metrics}, indent=1, ensure_ascii=False).encode()
    manifest = {**artifact.manifest, "preprocessing": {**artifact.preprocessing, **changes}}
    return write_artifact(artifact.path, manifest=manifest, files=files | {"metrics.json": figures})


def _move(folder: Path, out: Path) -> None:
    if out.exists():
        old = out.parent / f".{out.name}.{secrets.token_hex(6)}"
        out.rename(old)
        folder.rename(out)
        shutil.rmtree(old)
    else:
        folder.rename(out)
    sync(out.parent)


def sync(path: Path) -> None:
    """Flush a file or folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(manifest: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in manifest.items() if key != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _parse_json(content: bytes, path: Path) -> Any:
    try:
        value = json.loads(content)
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()  # neither infinite numbers nor half characters
        return value
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{path} is not valid JSON: {error}", remedy=_REMEDY) from error


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    size = _plain_size(path)
    if size > MANIFEST_LIMIT:
        raise ArtifactError(f"{path} has {size} bytes", allowed=f"A manifest has at most {MANIFEST_LIMIT}")
    manifest = _parse_json(path.read_bytes(), path)
    if not isinstance(manifest, dict):
        raise ArtifactError(f"{path} is not a JSON object", remedy=_REMEDY)
    if manifest.get("schema") != SCHEMA:
        raise ArtifactError(f"{path} has schema version {manifest.get('schema')!r}",
                            allowed=f"This version of Parley reads {SCHEMA}", remedy="Export the model again")
    _check_keys(path, manifest, REQUIRED)
    _check_optional(path, manifest)
    if manifest["task"] not in TASKS:
        raise ArtifactError(f"{path} is for the job {manifest['task'][:80]!r}",
                            allowed=f"This version of Parley knows {', '.join(TASKS)}")
    for entry in manifest["files"].values():
        _check_keys(path, entry, FILE_ENTRY)
    for entry in manifest["graphs"]:
        _check_keys(path, entry, GRAPH_ENTRY)
    if manifest["digest"] != _digest(manifest):
        raise ArtifactError(f"{path} was altered after it was written", remedy=_REMEDY)
    return manifest


def _check_keys(path: Path, entry: Any, wanted: Mapping[str, type]) -> None:
    if not isinstance(entry, dict):
        raise ArtifactError(f"{path} has {type(entry).__name__} where an object belongs", remedy=_REMEDY)
    if wrong := [key for key, kind in wanted.items() if not isinstance(entry.get(key), kind)]:
        raise ArtifactError(f"{path} lacks {', '.join(wrong)}, or has another type there", remedy=_REMEDY)


def _check_optional(path: Path, manifest: dict[str, Any]) -> None:
    """What need not be there is of its type where it is."""
    _check_keys(path, manifest, {name: kind for name, kind in OPTIONAL.items() if name in manifest})
    lineage = manifest.get("lineage", {})
    _check_keys(path, lineage, {name: kind for name, kind in LINEAGE.items() if lineage.get(name) is not None})
    counts, languages = (lineage.get("rows") or {}).values(), manifest.get("languages", [])
    if not all(isinstance(n, int) for n in counts) or not all(isinstance(code, str) for code in languages):
        raise ArtifactError(f"{path} lacks rows or languages, or has another type there", remedy=_REMEDY)


def _plain_size(path: Path) -> int:
    """Size in bytes of a plain file; ArtifactError where it is missing, a link or something else."""
    try:
        status = path.lstat()
    except OSError as error:
        raise ArtifactError(f"{path} is missing", remedy=_REMEDY) from error
    if not stat.S_ISREG(status.st_mode):
        raise ArtifactError(f"{path} is not a plain file", allowed="Artifacts hold neither links nor folders")
    return status.st_size


def _check_file(folder: Path, name: str, entry: Mapping[str, Any], verify: bool) -> None:
    if not FILE_NAME.fullmatch(name):
        raise ArtifactError(f"{name!r} is not a file inside of {folder}", allowed="Artifacts have no subfolders")
    size = _plain_size(folder / name)
    if size != entry["bytes"]:
        raise ArtifactError(f"{folder / name} has {size} bytes, not {entry['bytes']}", remedy=_REMEDY)
    if size > TEXT_LIMITS.get(name, size):
        raise ArtifactError(f"{folder / name} has {size} bytes", allowed=f"It can have {TEXT_LIMITS[name]} at most")
    if verify and _sha256(folder / name) != entry["sha256"]:
        raise ArtifactError(f"{folder / name} was altered: its SHA-256 is not the manifest's", remedy=_REMEDY)


def _check_graphs(folder: Path, manifest: Mapping[str, Any]) -> None:
    for entry in manifest["graphs"]:
        name = entry["file"]
        if name not in manifest["files"]:
            raise ArtifactError(f"The graph {name!r} is not among the files of {folder}", remedy=_REMEDY)
        try:
            locations = set(external_locations(_mapped(folder / name)))
        except (IndexError, ValueError, RecursionError) as error:
            raise ArtifactError(f"{folder / name} is not an ONNX graph: {error}", remedy=_REMEDY) from error
        if foreign := locations - {WEIGHTS}:
            raise ArtifactError(f"{folder / name} reads {', '.join(sorted(foreign))}",
                                allowed=f"A graph's external data is {WEIGHTS}")
        if locations and WEIGHTS not in manifest["files"]:
            raise ArtifactError(f"{folder / name} reads {WEIGHTS}, which is not in the manifest", remedy=_REMEDY)


def _mapped(path: Path) -> memoryview:
    """The bytes of a file, of which the memory holds those that are looked at. ValueError for an empty one."""
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
