"""Vectors in a folder of our own: `vectors.json` says what they are, the table is mapped from disk and never run."""

from __future__ import annotations

import hashlib
import json
import math
import os
import secrets
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from modeling.embeddings.formats import read_vectors
from modeling.embeddings.vectors import Vectors
from modeling.errors import DataError

MANIFEST, WORDS, TABLE = "vectors.json", "words.json", "vectors.safetensors"
SCHEMA = 1

_LIMITS = {MANIFEST: 16 * 1024**2, WORDS: 1024**3}
_TYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "I64": np.dtype("<i8")}
_REMEDY = "Make or import the vectors again"


def save_vectors(vectors: Vectors, out: str | os.PathLike[str]) -> Path:
    """Write the folder under another name and rename it, replacing one of vectors that is there. Raises DataError."""
    out = Path(out)
    if out.exists() and not (out / MANIFEST).is_file():
        raise DataError(f"{out.name} is there already and holds no vectors", remedy="Name a folder that does not exist")
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = out.parent / f".{out.name}.{secrets.token_hex(6)}"
    folder.mkdir()
    try:
        (folder / WORDS).write_text(json.dumps(vectors.words, ensure_ascii=False), encoding="utf-8")
        save_file({"vectors": np.ascontiguousarray(vectors.matrix), "norms": vectors.norms,
                   "counts": np.asarray(vectors.counts, np.int64)}, folder / TABLE)
        manifest = {"schema": SCHEMA, "words": len(vectors), "dimensions": vectors.dimensions, "facts": vectors.facts,
                    "sha256": {name: _sha256(folder / name) for name in (WORDS, TABLE)}}
        (folder / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=1), encoding="utf-8")
        _sync(folder)
        old = out.rename(out.parent / f".{out.name}.{secrets.token_hex(6)}") if out.exists() else None
        folder.rename(out)
        if old:
            shutil.rmtree(old)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return out


def load_vectors(path: str | os.PathLike[str], *, verify: bool = False) -> Vectors:
    """The vectors of a folder that `save_vectors` wrote, or of a file in another format.

    A folder's table stays on the disk and is mapped. `verify` also compares the hashes. Raises DataError.
    """
    path = Path(path)
    if not path.is_dir():
        return read_vectors(path)
    manifest = _json(path, MANIFEST)
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        raise DataError(f"{path.name} is not a folder of vectors that this version reads", remedy=_REMEDY)
    if verify and any(_sha256(path / name) != digest for name, digest in manifest["sha256"].items()):
        raise DataError(f"a file of the vectors {path.name} was altered", remedy=_REMEDY)
    words, tensors = _json(path, WORDS), _tensors(path)
    shape = (manifest.get("words"), manifest.get("dimensions"))
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words) or (
            len(words) != shape[0] or tensors["vectors"].shape != shape
            or tensors["norms"].shape != shape[:1] or tensors["counts"].shape != shape[:1]):
        raise DataError(f"the files of the vectors {path.name} do not fit each other", remedy=_REMEDY)
    return Vectors(words, tensors["vectors"], counts=tensors["counts"], norms=tensors["norms"],
                   facts=manifest.get("facts"))


def _json(folder: Path, name: str) -> Any:
    path = folder / name
    try:
        if path.is_symlink() or path.stat().st_size > _LIMITS[name]:
            raise DataError(f"{name} is a link or too large", remedy=_REMEDY)
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{name} of the vectors {folder.name} cannot be read: {error}", remedy=_REMEDY) from None


def _tensors(folder: Path) -> dict[str, np.ndarray]:
    """The arrays of the table, mapped; each lies inside of the file. Raises DataError."""
    path = folder / TABLE
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, 1024**2)))
        found = {name: _array(path, header[name], 8 + length, size) for name in ("vectors", "norms", "counts")}
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        raise DataError(f"{TABLE} of the vectors {folder.name} is damaged: {error}", remedy=_REMEDY) from None
    return found


def _array(path: Path, entry: dict[str, Any], base: int, size: int) -> np.ndarray:
    kind, shape = _TYPES[entry["dtype"]], tuple(map(int, entry["shape"]))
    start, stop = map(int, entry["data_offsets"])
    if min(shape) < 1 or start < 0 or base + stop > size or stop - start != kind.itemsize * math.prod(shape):
        raise ValueError(f"an array of the shape {shape} does not lie in the file")
    return np.memmap(path, kind, "r", base + start, shape)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    for path in (*folder.iterdir(), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
