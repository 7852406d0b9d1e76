"""`answer ARTIFACT [TEXT]`: ask a model something and watch the answer come."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from modeling.artifact import Artifact
from modeling.cli.starters import found_artifact
from modeling.datasets import document_text
from modeling.datasets.questions import SUFFIXES, questions_of
from modeling.errors import ConfigError, RequestError
from modeling.faq import FaqIndex
from modeling.inference import Chunk, Request, SamplingParams
from modeling.inference.engine import LocalEngine
from modeling.inference.wire import pack_chunk
from modeling.retrieval import PassageIndex

_SAMPLING: dict[str, tuple[type, str]] = {
    "temperature": (float, "0 is greedy; higher is more daring"),
    "top_k": (int, "choose among this many tokens"),
    "top_p": (float, "choose among the tokens that make up this share"),
    "repetition_penalty": (float, "1 is none"),
    "max_tokens": (int, "tokens of the answer at most"),
    "seed": (int, "the same seed gives the same answer"),
    "beam": (int, "hypotheses of a translation"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("artifact", metavar="ARTIFACT", help="folder of an artifact, or the name of a starter")
    parser.add_argument("text", nargs="?", metavar="TEXT", help="what to ask; standard input where it is left out")
    parser.add_argument("--documents", nargs="+", default=[], metavar="FILE",
                        help="texts, Markdown or PDF to search for the answer")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.add_argument("--source-language", metavar="CODE", help="of a translation, such as en")
    parser.add_argument("--target-language", metavar="CODE", help="of a translation, such as zh")
    parser.add_argument("--sentences", type=int, help="of a summary")
    parser.add_argument("--stop", action="append", default=[], metavar="TEXT", help="ends the answer; can be repeated")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="processor threads")
    for name, (kind, purpose) in _SAMPLING.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar=kind.__name__.upper(), help=purpose)


def run(args: argparse.Namespace) -> int:
    artifact = Artifact.load(found_artifact(args.artifact))
    if args.text is None and len(args.documents) > 1 and not Path(args.documents[-1]).exists():
        args.text = args.documents.pop()  # TEXT behind the files
    text = sys.stdin.read() if args.text is None else args.text
    with tempfile.TemporaryDirectory() as folder:
        request = Request(
            artifact=str(artifact.path), text=text, sampling=sampling_of(args, artifact.defaults),
            source_language=args.source_language, target_language=args.target_language, sentences=args.sentences,
            documents=_indexed([Path(name) for name in args.documents], Path(folder)),
        )  # fmt: skip
        return asyncio.run(_answer(request, args.threads, as_json=args.json))


def sampling_of(args: argparse.Namespace, defaults: Mapping[str, Any]) -> SamplingParams:
    """What was asked for, else the model's defaults, else those of Parley."""
    known = {entry.name for entry in fields(SamplingParams)}
    chosen = {name: value for name in _SAMPLING if (value := getattr(args, name)) is not None}
    if args.stop:
        chosen["stop"] = tuple(args.stop)
    return SamplingParams(**{name: value for name, value in defaults.items() if name in known} | chosen)


def _indexed(files: list[Path], folder: Path) -> tuple[str, ...]:
    """An index of the files; nothing to search gives none."""
    if not files:
        return ()
    if missing := [file.name for file in files if not file.is_file()]:
        raise ConfigError(f"There is no file {', '.join(missing)}", remedy="Check the path")
    lists = [file for file in files if file.suffix.lower() in SUFFIXES]
    if lists:
        FaqIndex.build([pair for file in lists for pair in questions_of(file)]).save(folder / "questions")
    if texts := [file for file in files if file not in lists]:
        PassageIndex.build([(file.name, *document_text(file)) for file in texts]).save(folder / "index")
    return tuple(str(path) for path in sorted(folder.iterdir()))


async def _answer(request: Request, threads: int, *, as_json: bool) -> int:
    show = _print_json if as_json else _print
    last = Chunk()
    async with LocalEngine(threads=threads) as engine:
        async for chunk in await engine.submit(request):
            show(chunk)
            last = chunk
    if last.finish_reason == "error":
        raise RequestError(last.error or "The model failed")
    return 0


def _print_json(chunk: Chunk) -> None:
    print(json.dumps(pack_chunk(chunk), ensure_ascii=False), flush=True)


def _print(chunk: Chunk) -> None:
    """For people: text as it comes; labels with their shares; answers with where they stand; questions like it."""
    result = chunk.result or {}
    if "labels" in result:
        print("\n".join(f"{entry['probability']:7.1%}  {entry['label']}" for entry in result["labels"]))
    elif "answers" in result:
        print("\n".join(_place(answer, result["passages"]) for answer in result["answers"])
              or "No answer was found in the documents.")
    elif "sentences" in result:
        print("\n".join(entry["text"] for entry in result["sentences"]))
    else:
        print(chunk.text, end="\n" if chunk.finish_reason else "", flush=True)


def _place(answer: dict[str, Any], passages: list[dict[str, Any]]) -> str:
    """The answer, and the words around it."""
    passage = passages[answer["passage"]]
    start, end = max(0, answer["start"] - 60), answer["end"] + 60
    around = " ".join(passage["text"][start:end].split())
    return f"{answer['text']}\n    {answer['score']:.0%}  {passage['title'] or passage['document']}: … {around} …"
