"""Names from files never become markup, nothing is fetched, and many runs open at once."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from leaderboards.page.document import write_document

Show = Callable[..., Any]

RUNS, OBJECTS, PICTURE_BYTES = 50, 300, 5500
OPENING_SECONDS = 1.0


def test_hostile_names_are_shown_and_never_run(show: Show, blocks: dict[str, Any]) -> None:
    page = show()
    page.open_all()
    page.search("onerror")
    run = next(r for r in blocks["summary"]["runs"] if "onerror" in r["name"])
    (row,) = page.read_column(1)
    assert row.split("\n") == [run["method"], run["variant"], run["name"]]
    page.find("#leaderboard-table td button").click()
    page.open_all()
    shown = page.run("return document.querySelector('dialog').textContent")
    for text in (run["name"], run["method"], run["data"], run["label_set"], run["variant"]):
        assert text in shown
    assert page.browser.title == "genbench report"
    assert page.run("return document.images.length") == 0
    assert page.run("return [...document.scripts].filter((node) => !node.type).length") == 1
    handlers = (
        "return [...document.querySelectorAll('*')].filter((n) => n.onerror || n.onmouseover)"
    )
    assert page.run(handlers) == []


def test_the_policy_stops_what_slips_through(browser: Any, address: str) -> None:
    """Were markup ever to reach the page, it could neither run nor fetch."""
    browser.get(address)
    code = """
    document.addEventListener("securitypolicyviolation", () => setTimeout(arguments[0], 50));
    document.body.insertAdjacentHTML("beforeend", "<img src='data:,' onerror='document.title=1'>");
    """
    browser.execute_async_script(code)
    assert browser.title == "genbench report"
    fetch = "fetch('http://localhost:9/').then(arguments[0], () => arguments[0]('refused'))"
    assert browser.execute_async_script(fetch) == "refused"
    log = [entry["message"] for entry in browser.get_log("browser")]
    assert len(log) >= 2
    assert all("Content Security Policy" in message for message in log)


def multiply(blocks: dict[str, Any], runs: int, objects: int) -> dict[str, Any]:
    """Return the page of many runs: those there are, again and again, with full-sized pictures."""
    many = copy.deepcopy(blocks)
    summary, known = many["summary"], len(blocks["summary"]["runs"])
    picture = "data:image/jpeg;base64," + "A" * PICTURE_BYTES
    shown = next(b for name, b in blocks.items() if name.startswith("object-") and "cloud" in b)
    many |= {f"object-{number}": shown | {"picture": picture} for number in range(objects)}
    for number in range(known, runs):
        source = number % known
        many[f"run-{number}"] = many[f"run-{source}"]
        summary["runs"].append(summary["runs"][source] | {"name": f"run {number}"})
        copies = [score for score in blocks["summary"]["scores"] if score["run"] == source]
        summary["scores"] += [score | {"run": number} for score in copies]
    return many


def test_fifty_runs_open_in_under_a_second(
    show: Show, browser: Any, blocks: dict[str, Any], tmp_path: Path
) -> None:
    """Counted in the time of the page's own thread, which busy neighbours do not change."""
    path = tmp_path / "index.html"
    write_document(path, multiply(blocks, RUNS, OBJECTS))
    seconds = []
    for _ in range(3):
        show(at="about:blank")
        browser.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
        before = read_metrics(browser)["TaskDuration"]
        page = show(at=path.as_uri())
        page.wait_for_frame()
        seconds.append(read_metrics(browser)["TaskDuration"] - before)
        browser.execute_cdp_cmd("Performance.disable", {})
        assert len(page.read_column(1)) == RUNS
    assert 0 < min(seconds) < OPENING_SECONDS


def read_metrics(browser: Any) -> dict[str, float]:
    """Return the browser's own counters."""
    metrics = browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return {metric["name"]: metric["value"] for metric in metrics}
