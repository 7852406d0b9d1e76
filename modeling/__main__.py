"""`python -m modeling`: the command line."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from modeling.errors import ParleyError

COMMANDS = {
    "describe": "say what a dataset holds and what is wrong with it",
    "build": "turn data files of any size into checked rows in splits, with a report",
    "preprocess": "show what each step of preprocessing makes of some rows",
    "train": "train a model on your data and write it as an artifact",
    "compare": "rank models on the same data: quality, time, size, speed",
    "search": "find the settings that suit your data",
    "calibrate": "make a reader's confidence mean what it says, and choose when it gives no answer",
    "import": "make a model of a Hugging Face folder or of the hub an artifact",
    "evaluate": "measure a model on data that it has not seen",
    "embed": "learn vectors of the words in your text, by word2vec or GloVe",
    "vectors": "explore vectors: neighbours, analogies, a map, other formats, figures",
    "answer": "ask a model something; the answer streams",
    "label": "label a file of texts with a classifier",
    "index": "make documents ready to be asked about",
    "adopt": "make an ONNX classifier that was exported elsewhere an artifact",
    "inspect": "check an artifact and say what it is",
    "pack": "write an artifact as one file",
    "unpack": "check such a file and make it an artifact again",
    "starters": "list the assistants that ship",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Faults that people can mend end with a message and 2, never with a traceback."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="python -m modeling", description="Train, measure and ask language models.",
                                     epilog="COMMAND --help says more.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, purpose in COMMANDS.items():
        command = commands.add_parser(name, help=purpose, description=purpose)
        if name in arguments[:1]:  # only the chosen command is imported: most need no torch
            module = import_module(f"modeling.cli.{name}")
            module.add_arguments(command)
    parsed = parser.parse_args(arguments)
    try:
        return int(module.run(parsed))
    except ParleyError as error:
        print(f"{parser.prog} {parsed.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
