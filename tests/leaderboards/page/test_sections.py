"""Figures, tables and claims in a real browser: values on hover, links, verdicts."""

from collections.abc import Callable
from typing import Any

from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys

Show = Callable[..., Any]


def test_charts_tell_values_to_pointer_and_keys(show: Show) -> None:
    page = show()
    page.open_all()
    chart = page.find(".chart svg")
    page.run("arguments[0].scrollIntoView({block: 'center'})", chart)
    ActionChains(page.browser).move_to_element(chart).perform()
    first = page.find(".chart .readout").text
    assert "bottle" in first
    assert "mean" in first
    chart.send_keys(Keys.ARROW_RIGHT)
    assert page.find(".chart .readout").text not in ("", first)
    titles = [title.text for title in page.find_all(".figure h3")]
    assert {
        "AP over thresholds",
        "Energy against error",
        "Distribution of hypotheses",
        "Risk over coverage",
    } <= set(titles)


def test_the_legend_hides_categories(show: Show) -> None:
    page = show()
    page.open_all()
    curves = ".figure:first-child path.s-bottle"
    before = len(page.find_all(curves))
    page.find(".legend .s-bottle").send_keys(Keys.ENTER)
    assert before == 3
    assert not page.find_all(curves)
    assert page.focused.get_attribute("aria-pressed") == "false"


def test_curves_lie_where_their_values_are(show: Show, blocks: dict[str, Any]) -> None:
    page = show()
    page.open_all()
    panel = blocks["run-0"]["curves"]["genpose/1"][0]
    values = next(s["values"] for s in panel["series"] if s["name"] == "mean")
    path = page.find(".chart path.s-mean").get_attribute("d")
    points = [[float(v) for v in point.split()] for point in path[1:].split("L")]
    heights = [y for _, y in points]
    scale = (heights[0] - heights[-1]) / (values[-1] - values[0])
    assert all(
        abs(heights[0] - y - scale * (value - values[0])) < 0.2
        for y, value in zip(heights, values, strict=True)
    )


def test_two_runs_are_drawn_over_each_other(show: Show) -> None:
    page = show()
    page.open_all()
    assert not page.find_all("path.dashed")
    options = page.find_all("#figure-controls label:nth-child(2) option")
    names = [option.get_attribute("innerText") for option in options]
    page.choose("Run B, dashed", next(name for name in names if name.endswith("bad")))
    assert page.find_all("path.dashed")


def test_links_lead_to_sections_and_open_tables(show: Show, address: str) -> None:
    page = show()
    targets = [link.get_attribute("href") for link in page.find_all("a[href]")]
    names = {target.partition("#")[2] for target in targets}
    assert {"leaderboard", "categories", "figures", "tables", "claims", "notes"} <= names
    known = page.run("return [...document.querySelectorAll('[id]')].map((node) => node.id)")
    assert names <= set(known)
    page = show(at=f"{address}#table-3")
    table = page.find("#table-3")
    assert table.get_attribute("open") is not None
    assert "GT(upper bound)" in table.text
    table.find_element("css selector", "td button").send_keys(Keys.ENTER)
    assert "reported" in page.find("dialog").text


def test_numbers_of_tables_open_the_run_behind_them(show: Show, blocks: dict[str, Any]) -> None:
    table, line, place = next(
        (table, number, place)
        for table in blocks["tables"]
        for number, line in enumerate(table["lines"])
        for place, origin in enumerate(line["from"])
        if origin is not None and table["origins"][origin]["run"] is not None
    )
    page = show()
    page.open_all()
    cell = "return document.querySelectorAll(arguments[0])[arguments[1]].cells[arguments[2]]"
    rows = f"#table-{table['number']} tbody tr:not(.group)"
    found = page.run(f"{cell}.querySelector('button')", rows, line, place)
    assert found.text == table["lines"][line]["cells"][place]
    found.send_keys(Keys.ENTER)
    assert "reproduced" in page.find("dialog").text
    assert page.find_all("dialog .thumbnail")


def test_claims_show_their_verdicts(show: Show, blocks: dict[str, Any]) -> None:
    page = show()
    page.open_all()
    shown = page.find_all(".claims > details")
    assert len(shown) == len(blocks["claims"])
    for box, claim in zip(shown, blocks["claims"], strict=True):
        text = box.text
        assert claim["statement"] in text
        assert all(finding["verdict"] in text for finding in claim["findings"])
