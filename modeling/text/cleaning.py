"""Cleaning: what the web leaves in a text taken out, and its spelling made even. Each step is `str -> str`.

Every pattern takes linear time, also on texts that were written to make it slow.
"""

from __future__ import annotations

import html
import re
import unicodedata

# Elements that stand apart from what is around them: taking them out must not glue words together.
_APART = ("address|article|aside|blockquote|br|button|caption|center|dd|details|dialog|div|dl|dt|fieldset|figcaption|"
          "figure|footer|form|h[1-6r]|header|iframe|img|input|label|legend|li|main|nav|ol|option|p|pre|section|select|"
          "summary|table|tbody|td|textarea|tfoot|th|thead|tr|ul|video|audio|canvas|svg|body|head|html|title|meta|link")
_WITHIN = ("a|abbr|acronym|b|bdi|bdo|big|cite|code|data|del|dfn|em|font|i|ins|kbd|mark|q|s|samp|script|small|span|"
           "strike|strong|style|sub|sup|time|tt|u|var|wbr")
_NUMBERED = re.compile(r"&#0*(?=\d)(\d{1,8})\d*")  # of more figures no character has: Python would refuse to read them
_TAG = re.compile(rf"</?(?:({_APART})|{_WITHIN})(?=[\s/>])[^<>]*+>", re.I)
_HIDDEN = re.compile(r"<(script|style)(?=[\s>])[^<>]*+>|<!--", re.I)
_HIDDEN_ENDS = {"script": re.compile("</script[^<>]*+>", re.I), "style": re.compile("</style[^<>]*+>", re.I),
                None: re.compile("-->")}
# Addresses are ASCII: Chinese text goes on behind one without a blank.
_URL = re.compile(r"(?:(?:https?|ftp)://|(?<![A-Za-z0-9.])www\.)[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*"
                  r"[A-Za-z0-9\-_~/#@$&*+=%]", re.I)
_EMAIL = re.compile(r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]++@[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)++")
_NUMBER = re.compile(r"(?<![^\W\d_\u3400-\u9fff])(?<!\d)(?<!\d[.,:])\d++(?:[.,:]\d++)*+")
_ACCENTS = re.compile("([A-Za-z])[\u0300-\u036f]++")
_BLANKS = re.compile(r"[^\S\n]+")
_NEWLINES = re.compile(r" ?\n ?")


def without_html(text: str) -> str:
    """Entities to their characters, then tags, comments, scripts and styles out; `<3` and unknown tags stay.

    Entities go first, because tags that were escaped once too often are commoner in data than texts about HTML.
    """
    if "&" in text:
        text = unescaped(text)
    return _TAG.sub(_gap, _without_hidden(text)) if "<" in text else text


def unescaped(text: str) -> str:
    """Entities to their characters, U+FFFD for numbers that no character has."""
    return html.unescape(_NUMBERED.sub(r"&#\1", text))


def _gap(tag: re.Match[str]) -> str:
    return " " if tag[1] else ""


def _without_hidden(text: str) -> str:
    """Scripts, styles and comments out; one that nothing closes stays."""
    kept, end = [], 0
    while opening := _HIDDEN.search(text, end):
        closing = _HIDDEN_ENDS[opening[1].lower() if opening[1] else None].search(text, opening.end())
        kept.append(text[end : opening.end() if closing is None else opening.start()])
        end = (closing or opening).end()
        if closing is None:  # looking for it again from each opening would take quadratic time
            break
    return " ".join([*kept, text[end:]]) if kept else text


def plain_unicode(text: str) -> str:
    """NFKC: full-width letters, ligatures, circled figures and other forms of a character to the plain one."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def without_urls(text: str, by: str = " ") -> str:
    """Web addresses replaced by `by`; the punctuation behind one stays."""
    return _URL.sub(by, text) if "://" in text or "www." in text or "WWW." in text else text


def without_emails(text: str, by: str = " ") -> str:
    return _EMAIL.sub(by, text) if "@" in text else text


def without_numbers(text: str, by: str = " ") -> str:
    """Numbers with their points, commas and colons replaced by `by`; those in names such as `B12` stay."""
    return _NUMBER.sub(by, text)


def lowercase(text: str) -> str:
    """Small letters; every character keeps its place, so the rare one whose small form is longer stays as it is."""
    small = text.lower()
    return small if len(small) == len(text) else "".join(c if len(c.lower()) != 1 else c.lower() for c in text)


def without_accents(text: str) -> str:
    """Latin letters without their accents; those of other scripts, where they make other letters, keep them."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _ACCENTS.sub(r"\1", unicodedata.normalize("NFD", text)))


def squeezed(text: str) -> str:
    """Runs of blanks to one, none at the ends and around line breaks."""
    return _NEWLINES.sub("\n", _BLANKS.sub(" ", text)).strip()
