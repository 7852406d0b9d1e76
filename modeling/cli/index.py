"""`index FILE ... --out FOLDER`: documents made ready to be asked about.

The site runs this as a child for each file that a visitor adds, with limits on memory and time: parsing what
strangers send belongs in a process that may die.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
from pathlib import Path

from modeling.datasets.documents import document_text
from modeling.datasets.questions import SUFFIXES, questions_of
from modeling.errors import DataError, ParleyError
from modeling.faq import FaqIndex
from modeling.retrieval import PassageIndex

MOST_EMBEDDED = 3000
"""Passages of a document, or questions of a list: about a minute's work at most. A longer one is found by its words."""
HELP = "make documents ready to be asked about"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE",
                        help="text, Markdown or PDF; or tables of questions and answers")
    parser.add_argument("--title", help="the title of the document, where there is one; else its own, or its name")
    parser.add_argument("--out", required=True, metavar="FOLDER", help="the index; one that is there is replaced")
    parser.add_argument("--embedder", type=Path, metavar="ARTIFACT",
                        help="find passages and questions by its vectors too")
    parser.add_argument("--memory", type=int, metavar="BYTES", help="give up above this")
    parser.add_argument("--seconds", type=int, metavar="N", help="give up after this much processor time")


def run(args: argparse.Namespace) -> int:
    """Prints `{"passages", "characters"}`. Raises DataError for a document without text."""
    _limit(args.memory, args.seconds)
    if [name for name in args.files if Path(name).suffix.lower() in SUFFIXES]:
        return _questions(args.files, args.out, args.embedder)
    texts = [(Path(name).name, *document_text(name)) for name in args.files]
    titled = [(name, args.title or title, text) for name, title, text in texts]
    index = PassageIndex.build(titled)
    if not len(index):
        raise DataError("There is no sentence in it", remedy="Add a document with text")
    _embed(index, args.embedder)
    index.save(args.out)
    print(json.dumps({"passages": len(index), "characters": sum(len(text) for _name, _title, text in titled)}))
    return 0


def _embed(index: PassageIndex | FaqIndex, folder: Path | None) -> None:
    if folder is None or len(index) > MOST_EMBEDDED:
        return
    # Only a document that is embedded needs ONNX Runtime.
    from modeling.inference.embedding import Embedder

    embedder = Embedder.load(folder, threads=1)
    index.add_vectors(embedder(index.texts()), embedder=str(embedder.path), digest=embedder.digest)


def _questions(files: list[str], out: str, embedder: Path | None) -> int:
    """Lists of questions with answers, which nobody mixes with documents. Prints `{"questions", "characters"}`."""
    if other := [name for name in files if Path(name).suffix.lower() not in SUFFIXES]:
        raise DataError(f"{Path(other[0]).name} is no list of questions", remedy="Index it by itself")
    index = FaqIndex.build([pair for name in files for pair in questions_of(name)])
    _embed(index, embedder)
    index.save(out)
    print(json.dumps({"questions": len(index), "characters": sum(len(q) + len(a) for q, a in index.entries)}))
    return 0


def _limit(memory: int | None, seconds: int | None) -> None:
    for what, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, seconds)):
        if most is not None and (what != resource.RLIMIT_AS or sys.platform == "linux"):  # macOS refuses RLIMIT_AS
            resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="index", description=HELP)
    add_arguments(parser)
    try:
        sys.exit(run(parser.parse_args()))
    except ParleyError as error:
        print(*filter(None, (error.found, error.allowed, error.remedy)), sep="\n", file=sys.stderr)  # a part a line
        sys.exit(2)
