"""Pictures made by the server: curves, bars, histograms, matrices, calibration. Pure functions to safe markup.

SVG where there is something to draw, tables where there is something to read. Positions are per cent of the width, so
text keeps its size on a phone. Colours are classes of static/parley/admin.css (chart-1 to chart-6); dashes, markers
and the numbers beside the marks say the same in black and white. All text is escaped here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

HEIGHT = 200  # pixels of a plot
POINTS = 300  # of a curve that are drawn; more would be finer than the screen
MARKERS = 8  # on a curve
COLOURS = 6
SHADES = 8  # of a matrix
SHAPES = ("M-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0", "M-3-3h6v6h-6z", "M0-4l4 7h-8z", "M0-4l4 4l-4 4l-4-4z",
          "M-3-3l6 6M-3 3l6-6", "M-4 0h8M0-4v8")  # circle, square, triangle, diamond, cross, plus

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Series:
    """A curve. Points that are not finite are gaps in it."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class _Scale:
    """Values to 0..1, by their size or by its logarithm."""

    low: float
    high: float
    log: bool = False

    @classmethod
    def over(cls, values: Sequence[float], log: bool = False) -> _Scale:
        low, high = min(values), max(values)
        if low == high:  # a single value stands in the middle
            return cls(low / 2, high * 2, True) if log else cls(low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2)
        return cls(low, high, log)

    @classmethod
    def whole(cls, values: Sequence[float]) -> _Scale:
        """From one round value to another; from 0 where that is near."""
        scale = cls.over(values)
        if min(values) == max(values):
            return scale
        low = 0.0 if 0 < scale.low < 0.4 * scale.high else scale.low
        step = _round_up((scale.high - low) / 5)
        return cls(step * math.floor(low / step + 1e-9), step * math.ceil(scale.high / step - 1e-9))

    def share(self, value: float) -> float:
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        if self.log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            for factors in ((1,), (1, 2, 5), tuple(range(1, 10))):
                found = [f * 10.0**p for p in powers for f in factors if self.low <= f * 10.0**p <= self.high]
                if len(found) >= 3:
                    return found[:: math.ceil(len(found) / 6)]
        step = _round_up((self.high - self.low) / 5)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(i * step, 12) for i in range(first, last + 1)]


def number(value: float) -> str:
    """A figure for people: 4,154, 0.0371, 3e-05."""
    if not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"


def line_chart(series: Sequence[Series], *, x_label: str, y_label: str, log_y: bool = False) -> SafeString:
    """Curves over one another; the legend gives each one's last value. With `log_y` values up to 0 are gaps."""
    runs = [_runs(one.points, log_y) for one in series]
    drawn = [point for curve in runs for run in curve for point in run]
    if not drawn:
        return _nothing()
    heights = [y for _x, y in drawn]
    x_scale = _Scale.over([x for x, _y in drawn])
    y_scale = _Scale.over(heights, log=True) if log_y else _Scale.whole(heights)
    curves = [_curve(place, one.name, curve, x_scale, y_scale)
              for place, (one, curve) in enumerate(zip(series, runs, strict=True)) if curve]
    legend = format_html_join("", '<li><svg width="28" height="12">{}</svg>{} <b>{}</b></li>', (
        (_key(place), one.name, number(curve[-1][-1][1]))
        for place, (one, curve) in enumerate(zip(series, runs, strict=True)) if curve))
    return _figure(_axes(x_scale, y_scale, x_label, y_label) + _join(curves), f"{y_label} / {x_label}",
                   format_html('<ul class="p-legend">{}</ul>', legend))


def scatter(points: Sequence[Point], *, x_label: str, y_label: str, log_x: bool = False, names: Sequence[str] = (),
            ) -> SafeString:
    """Marks at their places. With `log_x` values up to 0 are left out; `names` are those of the places 0, 1, 2 ..."""
    drawn = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y) and (x > 0 or not log_x)]
    if not drawn:
        return _nothing()
    x_scale = _Scale(-0.5, len(names) - 0.5) if names else _Scale.over([x for x, _y in drawn], log=log_x)
    y_scale = _Scale.whole([y for _x, y in drawn])
    marks = format_html_join("", '<svg x="{}%" y="{}" overflow="visible"><path class="chart-mark chart-1" d="{}">'
                             "<title>{}: {}</title></path></svg>", (
        (_per_cent(x_scale.share(x)), _y(y_scale.share(y)), SHAPES[0], names[int(x)] if names else number(x), number(y))
        for x, y in drawn))
    ticks = ([(100 * x_scale.share(place), name) for place, name in enumerate(names)] if names
             else [(100 * x_scale.share(tick), number(tick)) for tick in x_scale.ticks()])
    body = _rules(y_scale, y_label) + _x_texts(ticks, x_label) + marks
    return _figure(body, f"{y_label} / {x_label}", _table((x_label, y_label), (
        (names[int(x)] if names else number(x), number(y)) for x, y in drawn)))


def bars(rows: Iterable[tuple[Any, float, Any]]) -> SafeString:
    """A table of (label, value, text) with a bar for each value; `text` stands beside it."""
    rows = list(rows)
    top = max((value for _label, value, _text in rows if math.isfinite(value)), default=0)
    if not rows:
        return _nothing()
    lines = format_html_join("", '<tr><th scope="row">{}</th><td class="p-bar"><svg width="100%" height="10" '
                             'aria-hidden="true"><rect class="chart-fill" width="{}%" height="10"><title>{}: {}</title>'
                             "</rect></svg></td><td>{}</td></tr>", (
        (label, _per_cent(value / top if top > 0 and math.isfinite(value) else 0), label, text, text)
        for label, value, text in rows))
    return format_html('<table class="p-bars">{}</table>', lines)


def histogram(bins: Sequence[Mapping[str, Any]], *, x_label: str = "", y_label: str = "") -> SafeString:
    """Columns over `bins` of {"from", "to", "rows"}."""
    top = max((found["rows"] for found in bins), default=0)
    if not top:
        return _nothing()
    y_scale, width = _Scale(0, top), 100 / len(bins)
    columns = [_column(i * width, width, y_scale.share(found["rows"]),
                       f"{number(found['from'])}–{number(found['to'])}: {found['rows']:,}")
               for i, found in enumerate(bins)]
    every = math.ceil(len(bins) / 5)
    edges = [(i * width, number(found["from"])) for i, found in enumerate(bins) if i % every == 0]
    if len(bins) % every == 0 or len(bins) < 5:
        edges.append((100, number(bins[-1]["to"])))
    body = _rules(y_scale, y_label) + _join(columns) + _x_texts(edges, x_label)
    return _figure(body, x_label or _("Histogram"), _table(
        (x_label, y_label), ((f"{number(found['from'])}–{number(found['to'])}", f"{found['rows']:,}")
                             for found in bins)))


def matrix(labels: Sequence[str], cells: Sequence[Sequence[int]], *,
           link: Callable[[int, int], str] | None = None) -> SafeString:
    """A confusion matrix: a row for each true class, a column for each class found, shaded by its share of the row.

    `link(row, column)` is the address of the rows behind a cell; empty cells have none.
    """
    if not labels:
        return _nothing()
    head = format_html_join("", '<th scope="col" title="{}"><span>{}</span></th>', ((name, name) for name in labels))
    body = format_html_join("", '<tr><th scope="row" title="{}">{}</th>{}</tr>', (
        (labels[i], labels[i], _matrix_row(i, row, labels, link)) for i, row in enumerate(cells)))
    return format_html(
        '<figure class="p-chart"><figcaption class="p-hint">{}</figcaption><div class="p-scroll" tabindex="0">'
        '<table class="p-matrix"><thead><tr><td></td>{}</tr></thead><tbody>{}</tbody></table></div></figure>',
        _("Rows: what is right. Columns: what the model found."), head, body)


def calibration(bins: Sequence[Mapping[str, Any]]) -> SafeString:
    """How often answers of a given confidence are right. `bins`: {"from", "to", "rows", "confidence", "accuracy"}."""
    filled = [found for found in bins if found["rows"]]
    if not filled:
        return _nothing()
    scale = _Scale(0, 1)
    columns = [_column(100 * found["from"], 100 * (found["to"] - found["from"]), found["accuracy"],
                       f"{found['from']:.0%}–{found['to']:.0%}: {found['accuracy']:.1%} ({found['rows']:,})")
               for found in filled]
    ideal = format_html('<line class="chart-ideal" x1="0" y1="{}" x2="100%" y2="0"/>', HEIGHT)
    body = _axes(scale, scale, _("confidence"), _("right"), percent=True) + _join(columns) + ideal
    return _figure(body, _("Calibration"), _table((_("confidence"), _("right"), _("rows")), (
        (f"{found['confidence']:.1%}", f"{found['accuracy']:.1%}", f"{found['rows']:,}") for found in filled)))


def _runs(points: Sequence[Point], log: bool) -> list[list[Point]]:
    """The stretches of a curve between its gaps, thinned."""
    runs: list[list[Point]] = [[]]
    for x, y in points:
        if math.isfinite(x) and math.isfinite(y) and (y > 0 or not log):
            runs[-1].append((x, y))
        elif runs[-1]:
            runs.append([])
    return [_thinned(run) for run in runs if run]


def _thinned(run: list[Point]) -> list[Point]:
    """At most POINTS points: of each stretch the lowest and the highest, so that no peak is lost."""
    if len(run) <= POINTS:
        return run
    size = math.ceil(2 * len(run) / (POINTS - 2))
    kept = {0, len(run) - 1}
    for start in range(0, len(run), size):
        places = range(start, min(start + size, len(run)))
        kept |= {min(places, key=lambda i: run[i][1]), max(places, key=lambda i: run[i][1])}
    return [run[i] for i in sorted(kept)]


def _curve(place: int, name: str, runs: list[list[Point]], x_scale: _Scale, y_scale: _Scale) -> SafeString:
    colour = place % COLOURS + 1
    lines = format_html_join("", '<polyline class="chart-line chart-{}" points="{}" '
                             'vector-effect="non-scaling-stroke"/>', (
        (colour, " ".join(f"{1000 * x_scale.share(x):.1f},{_y(y_scale.share(y))}" for x, y in run)) for run in runs))
    points = [point for run in runs for point in run]
    every = max(1, math.ceil(len(points) / MARKERS))
    marked = [*points[::every], *([points[-1]] if (len(points) - 1) % every else [])]
    markers = format_html_join("", '<svg x="{}%" y="{}" overflow="visible"><path class="chart-mark chart-{}" d="{}">'
                               "<title>{}: {} ({})</title></path></svg>", (
        (_per_cent(x_scale.share(x)), _y(y_scale.share(y)), colour, SHAPES[place % len(SHAPES)], name, number(y),
         number(x)) for x, y in marked))
    return format_html('<svg width="100%" height="{}" viewBox="0 0 1000 {}" preserveAspectRatio="none" '
                       'overflow="visible">{}</svg>{}', HEIGHT, HEIGHT, lines, markers)


def _key(place: int) -> SafeString:
    """A curve's line and marker, for the legend."""
    colour = place % COLOURS + 1
    return format_html('<line class="chart-line chart-{}" x1="0" y1="6" x2="28" y2="6"/><svg x="14" y="6" '
                       'overflow="visible"><path class="chart-mark chart-{}" d="{}"/></svg>',
                       colour, colour, SHAPES[place % len(SHAPES)])


def _axes(x_scale: _Scale, y_scale: _Scale, x_label: str, y_label: str, *, percent: bool = False) -> SafeString:
    texts = [(100 * x_scale.share(tick), f"{tick:.0%}" if percent else number(tick)) for tick in x_scale.ticks()]
    return _rules(y_scale, y_label, percent=percent) + _x_texts(texts, x_label)


def _rules(scale: _Scale, label: str, *, percent: bool = False) -> SafeString:
    """Horizontal hairlines with their values at the left, the label above."""
    rules = format_html_join("", '<line class="chart-rule" x1="0" x2="100%" y1="{}" y2="{}"/>'
                             '<text x="-8" y="{}" dy="0.32em" text-anchor="end">{}</text>', (
        (y, y, y, f"{tick:.0%}" if percent else number(tick))
        for tick in scale.ticks() for y in (_y(scale.share(tick)),)))
    return format_html('{}<text class="chart-label" x="-48" y="-16">{}</text>', rules, label)


def _x_texts(texts: Iterable[tuple[float, str]], label: str) -> SafeString:
    found = format_html_join("", '<text x="{}%" y="{}" text-anchor="middle">{}</text>', (
        (f"{place:.2f}", HEIGHT + 18, text) for place, text in texts))
    return format_html('{}<text class="chart-label" x="100%" y="{}" text-anchor="end">{}</text>',
                       found, HEIGHT + 36, label)


def _column(left: float, width: float, share: float, title: str) -> SafeString:
    height = max(1.0, HEIGHT * share) if share > 0 else 0.0
    return format_html('<rect class="chart-fill" x="{}%" y="{}" width="{}%" height="{}"><title>{}</title></rect>',
                       f"{left + width * 0.06:.2f}", f"{HEIGHT - height:.1f}", f"{width * 0.88:.2f}", f"{height:.1f}",
                       title)


def _matrix_row(truth: int, row: Sequence[int], labels: Sequence[str], link: Callable[[int, int], str] | None,
                ) -> SafeString:
    total = sum(row) or 1
    cells = []
    for found, count in enumerate(row):
        shade = math.ceil(SHADES * count / total)
        name = f"{labels[truth]} → {labels[found]}: {count:,}"
        text = format_html('<a href="{}">{}</a>', link(truth, found), f"{count:,}") if link and count else f"{count:,}"
        cells.append(format_html('<td class="shade-{}{}" title="{}">{}</td>', shade,
                                 " right" if truth == found else "", name, text))
    return _join(cells)


def _figure(body: SafeString, name: str, caption: SafeString) -> SafeString:
    return format_html('<figure class="p-chart"><svg class="p-plot" height="{}" role="img" aria-label="{}">{}</svg>'
                       "<figcaption>{}</figcaption></figure>", HEIGHT, name, body, caption)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> SafeString:
    """The numbers of a picture, folded away."""
    titles = format_html_join("", '<th scope="col">{}</th>', ((title,) for title in head))
    body = format_html_join("", "<tr>{}</tr>", ((format_html_join("", "<td>{}</td>", ((cell,) for cell in row)),)
                                                for row in rows))
    return format_html('<details class="p-fold"><summary>{}</summary><table class="p-table"><thead><tr>{}</tr></thead>'
                       "<tbody>{}</tbody></table></details>", _("The numbers"), titles, body)


def _nothing() -> SafeString:
    return format_html('<p class="p-empty">{}</p>', _("There are no figures yet."))


def _join(parts: Iterable[SafeString]) -> SafeString:
    return format_html_join("", "{}", ((part,) for part in parts))


def _per_cent(share: float) -> str:
    return f"{100 * share:.2f}"


def _y(share: float) -> str:
    return f"{HEIGHT * (1 - share):.1f}"


def _round_up(step: float) -> float:
    """The next larger of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * 0.999999)
