"""How long a visitor looks at an empty answer: from Send to the first text, in Chromium, engine warm."""

from __future__ import annotations

import statistics

from tests.benchmarks.comparison import processor
from tests.browser.conftest import CHROMIUM, NO_CHROMIUM
from tests.browser.pictures import site_and_browser
from tests.browser.visit import Visitor

QUESTIONS = {
    "squad-reader": "When was the Transformer introduced?", "en-fr": "Could you tell me where the station is?",
    "en-zh": "I would like a cup of tea, please.", "lexrank": "One came. Two came. Three of them came. All went home.",
    "spam": "Win a prize now", "csl-subjects": "唐代科举制度研究", "chinese-poetry": "明月",
}  # fmt: skip
ROUNDS = 7


def main() -> None:
    if CHROMIUM is None:
        print(NO_CHROMIUM)
        return
    with site_and_browser() as (site, browser):
        print(f"{processor()}: milliseconds from Send to the first text, median of {ROUNDS} (least to most)")
        for name, text in QUESTIONS.items():
            _measure(Visitor(browser.new_page(), site.address), name, text)


def _measure(visitor: Visitor, name: str, text: str) -> None:
    times, pieces = [], []
    for _ in range(ROUNDS + 1):
        visitor.open(name)
        visitor.ask(text)
        visitor.page.wait_for_selector("[data-testid=message-assistant]:not([data-state=streaming])")
        shown = visitor.shown()
        times.append((shown[0] - visitor.asked) * 1000)
        pieces.append(len(shown))
    times, pieces = sorted(times[1:]), pieces[1:]
    print(f"{name:16} {statistics.median(times):5.0f} ({times[0]:.0f} to {times[-1]:.0f}), "
          f"{statistics.median(pieces):.0f} messages", flush=True)  # fmt: skip
