"""Charts: what they show, what they escape, and that no figures are too few, too many or too odd for them."""

from __future__ import annotations

import math
import re
from xml.etree.ElementTree import Element

import pytest
from defusedxml import ElementTree

from webapp import charts
from webapp.charts import Series

HOSTILE = '<script>alert(1)</script>"\' 词语很长很长很长很长很长很长'


def well_formed(markup: str) -> Element:
    """The markup as a tree: it is XML, with nothing left open."""
    return ElementTree.fromstring(f"<div>{markup}</div>")


def drawn() -> list[str]:
    bins = [{"from": 0, "to": 10, "rows": 3}, {"from": 10, "to": 20, "rows": 0}]
    sure = [{"from": 0.5, "to": 0.6, "rows": 4, "confidence": 0.55, "accuracy": 0.5}]
    return [
        charts.line_chart([Series(HOSTILE, [(0, 1), (1, 2)])], x_label=HOSTILE, y_label=HOSTILE),
        charts.bars([(HOSTILE, 3, HOSTILE)]),
        charts.histogram(bins, x_label=HOSTILE, y_label=HOSTILE),
        charts.matrix([HOSTILE, "b"], [[1, 2], [0, 4]], link=lambda row, column: f"?{HOSTILE}={row}.{column}"),
        charts.calibration(sure),
    ]


@pytest.mark.parametrize("markup", drawn())
def test_all_text_is_escaped_and_the_markup_is_whole(markup: str) -> None:
    well_formed(markup)
    assert "<script" not in markup


@pytest.mark.parametrize("empty", [
    charts.line_chart([], x_label="x", y_label="y"),
    charts.line_chart([Series("a", [(1, math.nan)])], x_label="x", y_label="y"),
    charts.line_chart([Series("a", [(1, 0.0), (2, -1.0)])], x_label="x", y_label="y", log_y=True),
    charts.bars([]),
    charts.histogram([]),
    charts.histogram([{"from": 0, "to": 1, "rows": 0}]),
    charts.matrix([], []),
    charts.calibration([{"from": 0, "to": 1, "rows": 0, "confidence": 0, "accuracy": 0}]),
])
def test_without_figures_it_says_so(empty: str) -> None:
    assert "There are no figures yet." in empty


def test_one_point_is_a_marker_in_the_middle() -> None:
    markup = charts.line_chart([Series("loss", [(5, 2.5)])], x_label="step", y_label="loss")
    assert 'x="50.00%" y="100.0"' in markup
    assert "<title>loss: 2.5 (5)</title>" in markup


def test_what_is_not_finite_is_a_gap() -> None:
    points = [(0, 1.0), (1, 2.0), (2, math.nan), (3, math.inf), (4, 1.0), (5, 2.0)]
    markup = charts.line_chart([Series("loss", points)], x_label="step", y_label="loss")
    assert markup.count("<polyline") == 2
    assert "nan" not in markup and "inf" not in markup


def test_a_long_curve_is_thinned_and_keeps_its_peak() -> None:
    points = [(step, 100.0 if step == 7777 else 1.0) for step in range(50_000)]
    markup = charts.line_chart([Series("loss", points)], x_label="step", y_label="loss")
    places = re.search(r'points="([^"]+)"', markup)
    assert places and len(places.group(1).split()) <= charts.POINTS + 2
    assert ",0.0 " in places.group(1)


def test_a_logarithmic_axis_is_marked_in_powers_of_ten() -> None:
    markup = charts.line_chart([Series("loss", [(1, 0.001), (2, 10.0)])], x_label="x", y_label="y", log_y=True)
    for tick in ("0.001", "0.01", "0.1", "1", "10"):
        assert f">{tick}</text>" in markup


def test_an_axis_goes_from_one_round_value_to_another() -> None:
    markup = charts.line_chart([Series("loss", [(0, 0.31), (10, 5.4)])], x_label="x", y_label="y")
    assert [f">{tick}</text>" in markup for tick in (0, 2, 4, 6)] == [True] * 4


def test_curves_differ_in_colour_and_in_marker() -> None:
    markup = charts.line_chart([Series(str(i), [(0, i), (1, i)]) for i in range(3)], x_label="x", y_label="y")
    assert all(f"chart-{i}" in markup for i in (1, 2, 3))
    assert all(shape in markup for shape in charts.SHAPES[:3])


def test_a_bar_is_as_long_as_its_share_of_the_largest() -> None:
    markup = charts.bars([("ham", 4, "80 %"), ("spam", 1, "20 %")])
    assert 'width="100.00%"' in markup and 'width="25.00%"' in markup
    assert charts.bars([("none", 0, "0"), ("odd", math.nan, "–")]).count('width="0.00%"') == 2


def test_a_matrix_of_many_classes_links_the_cells_that_have_rows() -> None:
    labels = [f"类别{i}" for i in range(14)]
    cells = [[int(row == column) * 3 for column in range(14)] for row in range(14)]
    tree = well_formed(charts.matrix(labels, cells, link=lambda row, column: f"?cell={row}.{column}"))
    assert len(tree.findall(".//td")) == 14 * 14 + 1
    assert [link.get("href") for link in tree.findall(".//a")] == [f"?cell={i}.{i}" for i in range(14)]


def test_numbers_are_short() -> None:
    assert [charts.number(value) for value in (4154, 0.03712, 3e-5, 2.0, math.nan)] == [
        "4,154", "0.0371", "3e-05", "2", "–"]
