"""The leaderboard and the heat map in a real browser: sorting, filters, what compares."""

from collections.abc import Callable
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

Show = Callable[..., Any]


def test_headers_sort_by_pointer_and_keyboard(show: Show) -> None:
    page = show()
    values = page.read_values(2)
    assert values == sorted(values, reverse=True)
    header = page.find("[data-key='0']")
    assert header.find_element(By.XPATH, "..").get_attribute("aria-sort") == "descending"
    header.click()
    assert page.read_values(2) == values[::-1]
    page.find("[data-key='6']").send_keys(Keys.ENTER)
    errors = page.read_values(8)
    assert errors == sorted(errors)
    assert page.focused.get_attribute("data-key") == "6"
    page.press(Keys.SPACE)
    assert page.read_values(8) == errors[::-1]


def test_filters_narrow_the_rows(show: Show) -> None:
    page = show()
    assert len(page.read_column(1)) == 5
    page.choose("Protocol", "all protocols")
    assert len(page.read_column(1)) == 10
    assert "numbers compare only within" in page.find("#notice").text
    page.choose("Protocol", "strict/1")
    page.choose("Method", "regression")
    assert [name.split("\n")[0] for name in page.read_column(1)] == ["regression"]
    page.choose("Method", "all methods")
    page.search("COMPACT good")
    (row,) = page.read_column(1)
    assert row.split("\n") == ["genpose", "compact", "good"]
    assert len(page.read_column(1, "#heatmap-table")) == 1
    page.search(" nothing")
    assert page.read_column(1) == []
    assert "no row passes" in page.find("#notice").text


def test_rows_of_other_data_are_told_apart(show: Show) -> None:
    page = show()
    assert "3 different data sets" in page.find("#notice").text
    page.search("other/test")
    assert page.find("#notice").text == "1 of 10 rows."


def test_the_category_changes_the_numbers(show: Show, blocks: dict[str, Any]) -> None:
    page = show()
    page.choose("Category", "mug")
    scores = [s for s in blocks["summary"]["scores"] if s["protocol"] == "genpose/1"]
    expected = sorted((s["values"][5][0] for s in scores), reverse=True)
    assert page.read_values(2) == pytest.approx(expected, abs=0.051)
    assert page.read_values(7, "#heatmap-table") == pytest.approx(expected, abs=0.051)


def test_the_best_of_comparable_rows_is_marked(show: Show, blocks: dict[str, Any]) -> None:
    """Two runs of the same data compare; a better one of other data does not."""
    page = show()
    page.choose("Protocol", "strict/1")
    names = [run["name"] for run in blocks["summary"]["runs"]]
    scores = [s for s in blocks["summary"]["scores"] if s["protocol"] == "strict/1"]
    same = [s["values"][6][0] for s in scores if names[s["run"]] in ("good", "bad", "single")]
    marked = page.run(
        "return [...document.querySelectorAll('#leaderboard-table td:nth-child(2) .best')]"
        ".map((cell) => Number(cell.firstChild.data))"
    )
    assert marked == [pytest.approx(max(same), abs=0.051)]


def test_the_heat_map_is_darker_where_it_is_better(show: Show) -> None:
    page = show()
    for metric, sign in (("5° 2 cm", 1), ("med. °", -1)):
        page.choose("Metric", metric)
        pairs = page.run(
            "return [...document.querySelectorAll('#heatmap-table td.heat')].map((cell) => "
            "[Number(cell.innerText), parseInt(cell.style.getPropertyValue('--share'))])"
        )
        shares = [share for _, share in sorted(pairs, key=lambda pair: (sign * pair[0], pair[1]))]
        assert shares == sorted(shares)
        assert shares[0] < shares[-1]
