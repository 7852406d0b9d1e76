"""PassageIndex: documents cut into passages and found by BM25 (Robertson et al. 1994), English and Chinese alike; where
an embedder was passed in, by their meaning as well."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import tempfile
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modeling.errors import DataError
from modeling.text import folded, is_chinese, sentences

_K1, _B = 1.2, 0.75
_VERSION = 2
_READABLE = (1, 2)  # the first one had no vectors
DENSE = 2.0
"""What a cosine counts beside the BM25 score over the best one: chosen on 288 passages of SQuAD's training articles."""
VECTORS = "vectors.npy"
_CHINESE = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_TERMS = re.compile(f"([{_CHINESE}]+)|([^\\W_{_CHINESE}]+)")
_CHARACTERS_A_WORD = 200 / 120  # Chinese characters that say as much as a word
_LONG_WORD = 10  # characters; runs without blanks count as words of this length
_ARRAYS = ("offsets", "passages", "weights")
LONGEST_QUERY = 512  # terms


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document: `text` is the document's text from character `start` on."""

    document: str
    title: str
    text: str
    start: int


def terms(text: str) -> list[str]:
    """What is indexed: words in lower case; for Chinese each character and each pair of neighbours."""
    found: list[str] = []
    for run, word in _TERMS.findall(folded(text)):
        if word:
            found.append(word)
        else:
            found += run
            found += [run[i : i + 2] for i in range(len(run) - 1)]
    return found


def passages(document: str, title: str, text: str, *, words: int = 120) -> Iterator[Passage]:
    """Cut a text at sentence ends into passages of about `words` words (Chinese: 200 characters for 120 words)."""
    start = end = -1
    size = 0
    for first, last in _pieces(text, words):
        length = _length(text[first:last])
        if start >= 0 and size + length > words:
            yield Passage(document, title, text[start:end], start)
            start, size = -1, 0
        start = first if start < 0 else start
        end, size = last, size + length
    if start >= 0:
        yield Passage(document, title, text[start:end], start)


def _length(text: str) -> int:
    """Words; in a script without blanks, characters that say as much."""
    if is_chinese(text):
        return round(len(text) / _CHARACTERS_A_WORD)
    return max(len(text.split()), len(text) // _LONG_WORD)


def _pieces(text: str, words: int) -> Iterator[tuple[int, int]]:
    """Sentences; one that is longer than a passage is cut at blanks or, without any, anywhere."""
    window, blanks = (words + 1) * _LONG_WORD, re.compile(rf"(?:\S+\s+){{1,{words}}}")
    for start, end in sentences(text):
        while _length(piece := text[start : min(end, start + window)]) > words:
            match = None if is_chinese(piece) else blanks.match(text, start, start + window)
            cut = match.end() if match else start + (
                round(words * _CHARACTERS_A_WORD) if is_chinese(piece) else words * _LONG_WORD)
            yield start, start + len(text[start:cut].rstrip())
            start = cut
        yield start, end


@dataclass(frozen=True, slots=True)
class Dense:
    """Vectors of passages, and who makes such of a question."""

    vectors: np.ndarray
    """float16 [passages, D], of length 1."""
    embedder: str
    """Folder of the artifact."""
    digest: str
    """Of that artifact: another one's vectors do not fit."""

    def state(self) -> dict[str, list[str]]:
        """What an index writes down of it."""
        return {"embedder": [self.embedder, self.digest]}

    def files(self) -> dict[str, bytes]:
        """What an index keeps beside that."""
        return {VECTORS: _bytes_of(self.vectors)}

    @classmethod
    def load(cls, folder: Path, state: Mapping[str, Any], count: int) -> Dense | None:
        """Of an index of `count` texts; None where it has no vectors. Raises ValueError, OSError."""
        if "embedder" not in state:
            return None
        embedder, digest = map(str, state["embedder"])
        vectors = np.load(folder / VECTORS, allow_pickle=False)
        if vectors.dtype != np.float16 or vectors.ndim != 2 or len(vectors) != count:
            raise ValueError("its vectors do not fit its texts")
        return cls(vectors, embedder, digest)


class PassageIndex:
    """Passages and, for each term, in which of them it stands with what weight."""

    def __init__(self, found: Sequence[Passage], vocabulary: dict[str, int], offsets: np.ndarray,
                 postings: np.ndarray, weights: np.ndarray, dense: Dense | None = None) -> None:
        """`offsets` int64 [terms + 1] cuts `postings` int32 [P] (passage numbers) and `weights` float32 [P]."""
        self.passages, self.dense = found, dense
        self._vocabulary, self._offsets, self._postings, self._weights = vocabulary, offsets, postings, weights

    def __len__(self) -> int:
        return len(self.passages)

    @classmethod
    def build(cls, documents: Iterable[tuple[str, str, str]], *, words: int = 120) -> PassageIndex:
        """Index (name, title, text) of each document in passages of about `words` words."""
        found = [passage for name, title, text in documents for passage in passages(name, title, text, words=words)]
        vocabulary: dict[str, int] = {}
        ids, places, counts, lengths = array("i"), array("i"), array("f"), array("f")
        for place, passage in enumerate(found):
            tally = Counter(terms(f"{passage.title}\n{passage.text}"))
            lengths.append(tally.total())
            ids.extend(vocabulary.setdefault(term, len(vocabulary)) for term in tally)
            places.extend([place] * len(tally))
            counts.extend(tally.values())
        arrays = _postings(np.asarray(ids), np.asarray(places), np.asarray(counts), np.asarray(lengths),
                           size=len(vocabulary))
        return cls(found, vocabulary, *arrays)

    def add_vectors(self, vectors: np.ndarray, *, embedder: str, digest: str) -> None:
        """Find passages by vectors [passages, D] of `texts()` too."""
        self.dense = Dense(vectors.astype(np.float16), embedder, digest)

    def texts(self) -> list[str]:
        """What an embedder reads of each passage."""
        return [f"{passage.title}\n{passage.text}" for passage in self.passages]

    def search(self, query: str, limit: int = 10, *, vector: np.ndarray | None = None, weight: float = DENSE,
               ) -> list[tuple[Passage, float]]:
        """The best passages, best first; only such as share a term with the query. Equal scores keep their order.

        With the query's `vector` [D] passages are also found by their meaning, and scores are 0 to about 1 + `weight`:
        the BM25 score over the best one, and `weight` times the cosine.
        """
        scores = self.lexical(query)
        if vector is not None and self.dense is not None and len(scores):
            scores = scores / max(1e-9, float(scores.max()))
            scores += weight * np.maximum(0.0, self.dense.vectors.astype(np.float32) @ vector.astype(np.float32))
        limit = min(limit, len(scores))
        if limit < 1:
            return []
        best = np.argpartition(-scores, limit - 1)[:limit]
        best = best[np.lexsort((best, -scores[best]))]
        return [(self.passages[i], float(scores[i])) for i in best if scores[i] > 0]

    def lexical(self, query: str) -> np.ndarray:
        """BM25 scores of all passages: float32 [passages]."""
        scores = np.zeros(len(self.passages), dtype=np.float32)
        wanted = Counter(terms(query)[:LONGEST_QUERY])
        for term, count in wanted.items():
            if (index := self._vocabulary.get(term)) is not None:
                start, end = self._offsets[index], self._offsets[index + 1]
                scores[self._postings[start:end]] += count * self._weights[start:end]
        return scores

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the index as a folder; one that is there already is replaced in one step."""
        arrays = zip(_ARRAYS, (self._offsets, self._postings, self._weights), strict=True)
        state: dict[str, Any] = {"version": _VERSION, "terms": list(self._vocabulary),
                 "passages": [[p.document, p.title, p.text, p.start] for p in self.passages]}
        files = {f"{name}.npy": _bytes_of(values) for name, values in arrays}
        if self.dense is not None:
            files |= self.dense.files()
            state |= self.dense.state()
        replace_folder(folder, files | {"index.json": json.dumps(state, ensure_ascii=False).encode()})

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> PassageIndex:
        """Read a folder that `save` wrote. Raises DataError."""
        path = Path(folder)
        try:
            state = json.loads((path / "index.json").read_text(encoding="utf-8"))
            if state["version"] not in _READABLE:
                raise DataError(f"the index {path.name} is of version {state['version']}",
                                allowed=f"Versions up to {_VERSION} can be read", remedy="Add the documents again")
            offsets, postings, weights = (np.load(path / f"{name}.npy", allow_pickle=False) for name in _ARRAYS)
            found = [Passage(document, title, text, start) for document, title, text, start in state["passages"]]
            dense = Dense.load(path, state, len(found))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"the index {path.name} cannot be read: {error}",
                            remedy="Add the documents again") from None
        vocabulary = {term: index for index, term in enumerate(state["terms"])}
        _check(path.name, len(found), len(vocabulary), offsets, postings, weights)
        return cls(found, vocabulary, offsets, postings, weights, dense)


def _postings(ids: np.ndarray, places: np.ndarray, counts: np.ndarray, lengths: np.ndarray, *,
              size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Offsets, passages and BM25 weights, sorted by term. Inputs: one entry for each (term, passage) pair."""
    order = np.argsort(ids, kind="stable")
    ids, places, counts = ids[order].astype(np.int64), places[order].astype(np.int32), counts[order]
    frequency = np.bincount(ids, minlength=size)  # passages that have the term
    offsets = np.concatenate([[0], np.cumsum(frequency)]).astype(np.int64)
    rarity = np.log1p((len(lengths) - frequency + 0.5) / (frequency + 0.5))
    saturation = _K1 * (1 - _B + _B * lengths / max(1e-9, float(lengths.mean()) if len(lengths) else 1.0))
    weights = rarity[ids] * counts * (_K1 + 1) / (counts + saturation[places])
    return offsets, places, weights.astype(np.float32)


def _check(name: str, count: int, size: int, offsets: np.ndarray, postings: np.ndarray, weights: np.ndarray) -> None:
    """Arrays that do not fit each other would be read out of bounds."""
    fits = (offsets.shape == (size + 1,) and postings.shape == weights.shape == (int(offsets[-1]),)
            and bool((np.diff(offsets) >= 0).all()) and offsets[0] == 0
            and (not len(postings) or 0 <= int(postings.min()) <= int(postings.max()) < count))
    if not fits:
        raise DataError(f"the index {name} is damaged", remedy="Add the documents again")


def _bytes_of(values: np.ndarray) -> bytes:
    """As a file of NumPy's own format."""
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()


def replace_folder(folder: str | os.PathLike[str], files: Mapping[str, bytes]) -> None:
    """Write a folder with these files in the place of the one that is there, whole or not at all."""
    target = Path(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        for name, content in files.items():
            with open(work / name, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        work.chmod(0o755)
        _replace(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _replace(work: Path, target: Path) -> None:
    """Put `work` in the place of `target`; a reader sees the old folder or the new one."""
    old = work.with_name(work.name + ".old")
    if target.exists():
        target.rename(old)
    work.rename(target)
    shutil.rmtree(old, ignore_errors=True)
