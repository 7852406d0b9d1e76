"""Lengths: figures of texts that are not kept."""

import numpy as np
import pytest

from modeling.datasets.lengths import Lengths


def counted(values) -> dict:
    lengths = Lengths()
    for part in np.array_split(np.array(values), 3):
        if len(part):
            lengths.add(part)
    return lengths.as_json("text")


def test_nothing_has_no_figures() -> None:
    assert counted([]) == {}


@pytest.mark.parametrize("top", [10, 300, 8000])
def test_short_lengths_are_exact(top: int) -> None:
    values = np.random.default_rng(top).integers(1, top, 5000)
    found = counted(values)
    assert (found["min"], found["max"]) == (values.min(), values.max())
    assert found["mean"] == pytest.approx(values.mean(), abs=0.06)
    assert found["median"] == np.quantile(values, 0.5, method="inverted_cdf")
    assert found["p95"] == np.quantile(values, 0.95, method="inverted_cdf")


def test_long_lengths_are_right_to_one_per_cent() -> None:
    values = (10 ** np.random.default_rng(1).uniform(1, 7, 5000)).astype(int)
    found = counted(values)
    assert found["p95"] == pytest.approx(np.quantile(values, 0.95, method="inverted_cdf"), rel=0.012)
    assert found["max"] == values.max()


@pytest.mark.parametrize("values", [[7], [3] * 10, [1, 2, 3], list(range(1, 200)), [1] * 999 + [10**9], [0, 0]])
def test_a_histogram_holds_each_row_once_without_gaps(values: list[int]) -> None:
    bars = counted(values)["histogram"]
    assert sum(bar["rows"] for bar in bars) == len(values)
    assert len(bars) <= 24
    assert (bars[0]["from"], bars[-1]["to"]) == (min(values), max(values))
    assert all(bar["to"] + 1 == after["from"] for bar, after in zip(bars, bars[1:], strict=False))
