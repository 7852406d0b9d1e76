"""`embed DATA... --out FOLDER`: vectors of the words in your text, by word2vec or GloVe."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modeling.cli.describe import columns_of
from modeling.cli.progress import tell, watched
from modeling.cli.train import pairs_of
from modeling.datasets import read_texts
from modeling.embeddings import METHODS, read_vector_settings, save_maps, vector_options
from modeling.errors import ConfigError
from modeling.tasks import TASKS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "\n".join(_settings())
    parser.add_argument("data", nargs="+", type=Path, metavar="DATA", help="files of text or rows, or built datasets")
    parser.add_argument("--out", required=True, type=Path, metavar="FOLDER", help="folder of the vectors")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", dest="settings",
                        help="method=skipgram|cbow|glove, and the method's settings below")
    parser.add_argument("--maps", action="store_true", help="also write map.json: places of words for pages to draw")
    parser.add_argument("--task", choices=list(TASKS), help="what the rows are for; guessed where it is left out")
    parser.add_argument("--columns", nargs="+", action="extend", default=[], metavar="ROLE=COLUMN",
                        help="a column's role, by name or by index from 0")


def run(args: argparse.Namespace) -> int:
    method, config = read_vector_settings(pairs_of(args.settings))
    try:  # only this command compiles
        from modeling.embeddings.training import train_vectors
    except ImportError as error:
        raise ConfigError(f"{error.name} is missing, which makes the loops fast",
                          remedy="Install what training needs: make setup") from None

    def texts() -> Iterator[str]:
        return read_texts(args.data, task=args.task, columns=columns_of(args.columns))

    vectors = train_vectors(texts, args.out, method=method, config=config, source=_mark(args), on_event=_show)
    if args.maps:
        save_maps(vectors, args.out)
    tell({"result": {"path": str(args.out), "words": len(vectors), "dimensions": vectors.dimensions,
                     "tokens_per_second": vectors.facts["items_per_second"], "loss": vectors.facts["loss"]}})
    return 0


def _mark(args: argparse.Namespace) -> str:
    """Names the texts: a run goes on only where the same files are given, unchanged."""
    files = [file for path in args.data for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    stats = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.exists()]
    key = hashlib.sha256(json.dumps([stats, args.task, args.columns]).encode()).hexdigest()[:12]
    return f"{', '.join(path.name for path in args.data)} ({key})"


def _show(event: dict[str, Any]) -> None:
    """The events of trainings; on a terminal a line that moves."""
    if not watched():
        print(json.dumps(event, ensure_ascii=False), flush=True)
    elif event["event"] == "step":
        tell({"progress": event["step"] / event["steps"], "note": f"loss {event['loss']:.4f}  "
              f"{event['tokens_per_second']:,} a second  {event['seconds_left']:,.0f} s left"})
    else:
        told = "  ".join(f"{key} {value:,}" for key, value in event.items() if key != "event")
        sys.stderr.write(f"\r\x1b[K{event['event']}  {told}" + ("\n" if event["event"] == "vocabulary" else ""))
        sys.stderr.flush()


def _settings() -> Iterator[str]:
    for method in METHODS:
        yield f"settings of method={method}:"
        yield from (f"  {option.name}={option.default}: {option.help}" for option in vector_options(method))
