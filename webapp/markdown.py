"""Model text and model cards as HTML: CommonMark without raw HTML or pictures, then sanitised."""

from __future__ import annotations

import re

import nh3
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

TAGS = {"p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "em", "s", "code", "pre", "blockquote",
        "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "a"}
PARAGRAPHS = re.compile("</?p>|<br>")
FENCE = re.compile(r"^ {0,3}(```|~~~)", re.MULTILINE)

_answers, _documents = (
    MarkdownIt("js-default", {"breaks": breaks, "linkify": False, "typographer": False}).disable("image")
    for breaks in (True, False)
)
_cleaner = nh3.Cleaner(
    tags=TAGS, attributes={"a": {"href"}, "ol": {"start"}}, url_schemes={"http", "https"}, url_relative="deny",
    link_rel="noopener nofollow", clean_content_tags={"script", "style"},
)


def render_document(text: str) -> SafeString:
    """A text written as Markdown, whose lines are filled, as safe HTML."""
    return mark_safe(_cleaner.clean(_documents.render(text)))  # noqa: S308 - cleaned


def render(text: str) -> SafeString:
    """`text` as safe HTML. Nothing in it can run, load, or talk to htmx. Without any mark-up in it, every space and
    line break is shown as it stands."""
    html = _cleaner.clean(_answers.render(text))
    if "<" not in PARAGRAPHS.sub("", html):
        return format_html('<div class="plain">{}</div>', text)
    return mark_safe(html)  # noqa: S308 - cleaned above


def settled_until(text: str) -> int:
    """How many characters of a growing text are whole blocks: up to its last blank line outside a code fence."""
    end = text.rfind("\n\n")
    while end >= 0 and len(FENCE.findall(text, 0, end)) % 2:
        end = text.rfind("\n\n", 0, end)
    return end + 2 if end >= 0 else 0
