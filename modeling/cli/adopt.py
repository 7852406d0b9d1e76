"""`adopt GRAPH.onnx --labels A B --samples DATA --out DIR`: a classifier exported elsewhere becomes an artifact."""

from __future__ import annotations

import argparse
from pathlib import Path

from modeling.cli.progress import tell
from modeling.datasets import read
from modeling.errors import DataError
from modeling.inference.adoption import Adoption, adopt


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("graph", type=Path, metavar="GRAPH", help="the ONNX file, weights inside")
    parser.add_argument("--labels", required=True, nargs="+", metavar="LABEL", help="in the order of the output")
    parser.add_argument("--samples", type=Path, metavar="DATA", help="rows with text and label to try it on")
    parser.add_argument("--text", nargs="+", default=[], metavar="TEXT", help="or texts alone")
    parser.add_argument("--vocabulary", type=Path, metavar="FILE",
                        help="for a graph that reads ids: tokenizer.json, Keras's word index, or words, one a line")
    parser.add_argument("--length", type=int, metavar="N", help="tokens of a row, where the graph does not say")
    parser.add_argument("--pad", choices=("before", "after"), default="after", help="where short texts are filled up")
    parser.add_argument("--output", default="", metavar="NAME", help="of the output, where there are several")
    parser.add_argument("--kind", choices=("", "probabilities", "probability", "logits"), default="",
                        help="what the output is; found out where it is left out")
    parser.add_argument("--name", default="", help="of the artifact, for people")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of the artifact")


def run(args: argparse.Namespace) -> int:
    samples = [{"text": text} for text in args.text]
    if args.samples:
        found = read(args.samples, task="classification")
        if not found.rows:
            raise DataError(f"{args.samples.name} has no row with text and label", remedy="Check its columns")
        samples += found.rows
    artifact = adopt(Adoption(graph=args.graph, labels=args.labels, samples=samples, vocabulary=args.vocabulary,
                              length=args.length, pad=args.pad, output=args.output, kind=args.kind, name=args.name),
                     args.out)
    tell({"result": {"path": str(artifact.path), "name": artifact.name, "task": artifact.task, "model": artifact.model,
                     "digest": artifact.digest, "bytes": artifact.bytes, **artifact.metrics}})
    return 0
