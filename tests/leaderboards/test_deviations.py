"""Numbers are compared by place; what is new, gone or too far off is told."""

import math

import pytest

from benchmark.errors import ComparisonError
from leaderboards.deviations import find_deviations, refuse


def find(expected: dict[str, float | None], found: dict[str, float | None]) -> list[str]:
    """Return the places that deviate by more than 0.5; "speed" is not compared."""
    deviations = find_deviations(
        expected, found, lambda place: math.inf if place == "speed" else 0.5
    )
    return [deviation.place for deviation in deviations]


def test_what_is_near_enough_passes() -> None:
    assert find({"a": 1.0, "b": None, "c": 2.0}, {"a": 1.5, "b": math.nan, "c": 2.0}) == []


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ({"a": 1.0}, {"a": 1.6}),
        ({"a": 1.0}, {"a": None}),
        ({"a": None}, {"a": 1.0}),
        ({"a": 1.0}, {}),
        ({}, {"a": 1.0}),
        ({"a": None}, {}),
    ],
)
def test_what_is_off_new_or_gone_is_told(
    expected: dict[str, float | None], found: dict[str, float | None]
) -> None:
    assert find(expected, found) == ["a"]


def test_what_is_not_compared_may_be_anything() -> None:
    assert find({"speed": 1.0}, {"speed": 99.0}) == find({"speed": 1.0}, {}) == []


def test_refusing_names_the_reasons_and_counts_the_rest() -> None:
    refuse("fine", [])
    with pytest.raises(ComparisonError, match=r"table: a; .*and 5 more"):
        refuse("table", ["a"] * 25)
