"""Fifteen million words of English running text of many kinds, out of the public datasets.

Film reviews (IMDB), passages and questions (SQuAD), dialogues (DialogSum), e-mails (AESLC, equal bodies once), news
(AG News, PTB), example sentences (Tatoeba), captions (Multi30k), sentences of reviews (SST-2), plays (Shakespeare).
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modeling.embeddings.words import words


def write_text(data: Path, out: Path) -> int:
    """One line a paragraph, its words in small letters with a space between; how many words there are."""
    count = 0
    with out.open("w", encoding="utf-8") as file:
        for text in texts(data):
            for line in text.splitlines():
                if len(found := words(line)) > 1:
                    count += len(found)
                    file.write(" ".join(found) + "\n")
    return count


def texts(data: Path) -> Iterator[str]:
    for row in rows(data / "imdb/train.jsonl"):
        yield row["text"].replace("<br />", "\n")
    for name in ("train-v1.1", "dev-v1.1"):
        for article in json.loads((data / f"squad/{name}.json").read_text())["data"]:
            for paragraph in article["paragraphs"]:
                yield "\n".join([paragraph["context"], *(one["question"] for one in paragraph["qas"])])
    for split in ("train", "dev"):
        yield from (re.sub(r"#\w+#:?", "", row["dialogue"]) for row in rows(data / f"dialogsum/{split}.jsonl"))
        yield from dict.fromkeys(row["body"] for row in rows(data / f"aeslc/{split}.jsonl"))
        yield from (line[2:] for line in (data / f"sst2/{split}.txt").open(encoding="utf-8"))
    with (data / "ag_news/part.csv").open(encoding="utf-8") as file:
        yield from (row[-1].replace("\\", " ") for row in csv.reader(file))
    for split in ("train", "valid", "test"):
        yield (data / f"ptb/{split}.txt").read_text().replace("<unk>", "")
    for pairs in ("en-zh", "en-fr"):
        lines = (data / f"tatoeba/{pairs}.tsv").open(encoding="utf-8")
        yield from dict.fromkeys(line.split("\t")[0] for line in lines)
    yield from ((data / f"multi30k/{split}.en").read_text(encoding="utf-8") for split in ("train", "val"))
    yield (data / "tinyshakespeare/input.txt").read_text()


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)
