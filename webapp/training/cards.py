"""A model card as its reader's language has it: what `model_card` writes is translated, what people wrote stays."""

from __future__ import annotations

import re

from django.utils.translation import get_language, gettext, gettext_noop

FACTS = re.compile(
    r"^(?P<job>[A-Z][\w -]{1,40}): a `(?P<model>[\w-]{1,40})` network of (?P<size>[\d.,]+) million parameters, "
    r"weights stored as (?P<storage>\w+)\.(?P<rest> Languages: [\w, -]+\.)?$")
LINES = (
    (re.compile(r"^Measured on (?P<n>\d+) test rows that took no part in training, with the weights as stored; "
                r"`rounding` compares them with the fp32 ones on the same rows\.$"),
     gettext_noop("Measured on %(n)s test rows that took no part in training, with the weights as stored; `rounding` "
                  "compares them with the fp32 ones on the same rows.")),
    (re.compile(r"^(?P<n>\d+) training and (?P<n2>\d+) validation rows\. Settings: (?P<settings>.+)\.$"),
     gettext_noop("%(n)s training and %(n2)s validation rows. Settings: %(settings)s.")),
    (re.compile(r"^A classifier that was trained and exported elsewhere, as `(?P<file>[^`]+)`\. Labels: "
                r"(?P<labels>.+)\.$"),
     gettext_noop("A classifier that was trained and exported elsewhere, as `%(file)s`. Labels: %(labels)s.")),
    (re.compile(r"^It classified (?P<n>\d+) sample texts before it was taken in; (?P<share>[\d.]+%) of (?P<n2>\d+) "
                r"with a label were right\.$"),
     gettext_noop("It classified %(n)s sample texts before it was taken in; %(share)s of %(n2)s with a label were "
                  "right.")),
    (re.compile(r"^It classified (?P<n>\d+) sample texts before it was taken in\.$"),
     gettext_noop("It classified %(n)s sample texts before it was taken in.")),
    (re.compile(r"^Licence, as its makers say: not said in the folder; ask them\.$"),
     gettext_noop("Licence, as its makers say: not said in the folder; ask them.")),
    (re.compile(r"^Licence, as its makers say: (?P<licence>.+)\.$"),
     gettext_noop("Licence, as its makers say: %(licence)s.")),
    (re.compile(r"^Weights stored as (?P<storage>\w+), up to (?P<n>\d+) tokens\. The graph was compared with the "
                r"network on a few texts; the quality of its answers was not measured\.$"),
     gettext_noop("Weights stored as %(storage)s, up to %(n)s tokens. The graph was compared with the network on a few "
                  "texts; the quality of its answers was not measured.")),
    (re.compile(r"^Preprocessing: (?P<steps>.+)\.$"), gettext_noop("Preprocessing: %(steps)s.")),
)
IMPORTED = re.compile(r"^(?P<job>[A-Z][\w -]{1,40}): a `(?P<model>[\w-]{1,40})` model of (?P<size>[\d.,]+) million "
                      r"parameters, imported from `(?P<source>[^`]+)`; nothing was trained here\.$")
WORDS = {"## Data": gettext_noop("Data"), "## Use and limits": gettext_noop("Use and limits"),
         "## Held-out figures": gettext_noop("Held-out figures"), "## Training": gettext_noop("Training")}
TABLES = {"| figure | value |": gettext_noop("figure | value"), "| file | SHA-256 |": gettext_noop("file | SHA-256")}


def in_readers_language(card: str) -> str:
    """The card, Markdown, line by line."""
    return card if (get_language() or "en").startswith("en") else "\n".join(map(_line, card.split("\n")))


def _line(line: str) -> str:
    if line in WORDS:
        return f"## {gettext(WORDS[line])}"
    if line in TABLES:
        return f"| {gettext(TABLES[line])} |"
    if found := FACTS.match(line):
        return _facts(found)
    if found := IMPORTED.match(line):
        return gettext("%(job)s: a `%(model)s` model of %(size)s million parameters, imported from `%(source)s`; "
                       "nothing was trained here.") % {**found.groupdict(), "job": gettext(found["job"])}
    for pattern, text in LINES:
        if found := pattern.match(line):
            return gettext(text) % found.groupdict()
    return line


def _facts(found: re.Match[str]) -> str:
    said = gettext("%(job)s: a `%(model)s` network of %(size)s million parameters, weights stored as %(storage)s.") % {
        **found.groupdict(), "job": gettext(found["job"])}
    languages = (found["rest"] or "").strip().removeprefix("Languages: ").removesuffix(".")
    return said + (gettext(" Languages: %(codes)s.") % {"codes": languages} if languages else "")
