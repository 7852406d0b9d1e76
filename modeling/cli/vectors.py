"""`vectors FOLDER`: what is near to what, analogies, a map, other formats, and how good the vectors are."""

from __future__ import annotations

import argparse
from pathlib import Path

from modeling.cli.progress import tell
from modeling.embeddings import (
    FORMATS,
    evaluate,
    load_vectors,
    map_svg,
    save_maps,
    save_vectors,
    word_map,
    write_vectors,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("vectors", type=Path, metavar="FOLDER", help="of vectors, or a word2vec or GloVe file")
    parser.add_argument("--nearest", metavar="WORD", help="the words that are used like it")
    parser.add_argument("--analogy", nargs=3, metavar=("A", "B", "C"), help="A is to B as C is to what?")
    parser.add_argument("--rule", choices=("add", "multiply"), default="add", help="of analogies: 3CosAdd or 3CosMul")
    parser.add_argument("--count", type=int, default=10, help="of the answers (10)")
    parser.add_argument("--map", type=Path, metavar="FILE.svg", help="write a picture of the commonest words")
    parser.add_argument("--projection", choices=("pca", "tsne"), default="tsne", help="of the map (tsne)")
    parser.add_argument("--words", nargs="+", metavar="WORD", help="of the map, instead of the commonest")
    parser.add_argument("--most", type=int, default=300, help="words of the map (300)")
    parser.add_argument("--export", type=Path, metavar="FILE", help="write all vectors as a file")
    parser.add_argument("--format", choices=list(FORMATS), default="word2vec", help="of that file (word2vec)")
    parser.add_argument("--import", type=Path, metavar="FOLDER", dest="into", help="write them as a folder of vectors")
    parser.add_argument("--maps", action="store_true", help="with --import: also write map.json for pages to draw")
    parser.add_argument("--evaluate", type=Path, metavar="FOLDER", help="questions: similarities and analogies")


def run(args: argparse.Namespace) -> int:
    vectors = load_vectors(args.vectors)
    print(f"{len(vectors):,} words, {vectors.dimensions} dimensions"
          + (f", by {vectors.facts['method']}" if "method" in vectors.facts else ""))
    if args.nearest:
        for found in vectors.nearest(args.nearest, args.count):
            print(f"  {found.similarity:.3f}  {found.word}")
    if args.analogy:
        a, b, c = args.analogy
        for found in vectors.analogy(a, b, c, args.count, rule=args.rule):
            print(f"  {found.similarity:.3f}  {found.word}")
    if args.map:
        words, places = word_map(vectors, projection=args.projection, most=args.most, words=args.words)
        args.map.write_text(map_svg(words, places), encoding="utf-8")
    if args.export:
        write_vectors(vectors, args.export, args.format)
    if args.into:
        save_vectors(vectors, args.into)
        if args.maps:
            save_maps(vectors, args.into)
        tell({"result": {"path": str(args.into), "words": len(vectors)}})
    if args.evaluate:
        for figure in evaluate(vectors, args.evaluate, rule=args.rule):
            value = (f"rho {figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})" if figure.kind == "similarity"
                     else f"right {figure.value:.1%} ({figure.low:.1%} to {figure.high:.1%})")
            print(f"  {figure.name:24} {value:32} {figure.covered:,} of {figure.total:,} covered")
    return 0
