"""`python -m modeling.recipes NAME --data DIR --out DIR`: prepare the data, train, export."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

from modeling.cli.train import pairs_of, reporter
from modeling.configs import read_settings
from modeling.errors import ConfigError, ParleyError
from modeling.recipes import lexrank
from modeling.recipes.recipe import Recipe
from modeling.training import Request, train

NAMES = ("squad-reader", "en-fr", "en-zh", "spam", "csl-subjects", "chinese-poetry", "tinyshakespeare",
         "tatoeba-sentences", "tatoeba-lm")


def load(name: str) -> Recipe:
    recipe: Recipe = import_module(f"modeling.recipes.{name.replace('-', '_')}").RECIPE
    return recipe


def run(name: str, data: Path, out: Path, *, settings: dict[str, str], parent: Path | None, seed: int) -> None:
    recipe = load(name)
    if recipe.needs_parent and parent is None:
        raise ConfigError(f"{name} starts from trained weights", remedy=f"Give --from {recipe.needs_parent}")
    folder = out.with_name(f"{out.name}.data")
    folder.mkdir(parents=True, exist_ok=True)
    files = recipe.prepare(data, folder)
    train(
        Request(
            task=recipe.task, model=recipe.model, data=[files.train], test=[files.test], out=out, parent=parent,
            validation=[files.validation] if files.validation else [], seed=seed, storage=recipe.storage,
            settings=read_settings(recipe.task, recipe.model, {**recipe.settings, **settings}), about=recipe.about,
            recipe=name,
        ),
        on_event=reporter(),
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m modeling.recipes", description=__doc__)
    parser.add_argument("name", choices=[*NAMES, "lexrank"])
    parser.add_argument("--data", type=Path, help="folder of the data sets")
    parser.add_argument("--out", type=Path, required=True, help="folder of the artifact")
    parser.add_argument("--from", type=Path, dest="parent", help="weights to start from, where the recipe needs some")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", dest="settings")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    try:
        if args.data is None:
            raise ConfigError("--data is missing", allowed="the folder of the data sets")
        if args.name == "lexrank":
            lexrank.make(args.data, args.out)
        else:
            run(args.name, args.data, args.out, settings=pairs_of(args.settings), parent=args.parent, seed=args.seed)
    except ParleyError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
