"""`import SOURCE --task T --out DIR`: a model of a Hugging Face folder, or of the hub, as an artifact."""

from __future__ import annotations

import argparse
from pathlib import Path

from modeling.cli.train import print_event
from modeling.tasks import TASKS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="FOLDER|ID", help="a Hugging Face folder, or an id of the hub")
    parser.add_argument("--task", required=True, choices=list(TASKS), help="what the model shall do")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of the artifact")
    parser.add_argument("--name", default="", help="of the artifact, for people; else that of the folder")
    parser.add_argument("--context", type=int, help="tokens of context; more take more memory while it answers")
    parser.add_argument("--directions", default="", metavar="en-fr,...",
                        help="of a translator whose folder does not say")
    parser.add_argument("--prefix", help="text before each source of a T5 whose folder does not say")
    parser.add_argument("--storage", choices=("fp32", "fp16", "int8"), default="fp32", help="of the weights (fp32)")


def run(args: argparse.Namespace) -> int:
    from modeling.imports import Import, import_model  # only an import needs torch

    directions = tuple(part.strip() for part in args.directions.split(",") if part.strip())
    asked = Import(source=args.source, task=args.task, out=args.out, name=args.name, context=args.context,
                   directions=directions, prefix=args.prefix, storage=args.storage)
    artifact = import_model(asked, on_event=print_event)
    print_event({"result": {"path": str(artifact.path), "digest": artifact.digest, "bytes": artifact.bytes}})
    return 0
