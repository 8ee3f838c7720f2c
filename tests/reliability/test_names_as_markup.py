"""Names are text wherever they are shown: no markup, formula, link or command of a terminal.

The HTML page has its own tests, in a browser: `tests/leaderboards/page`.
"""

import csv
import io
import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt

from benchmark.cli.main import COMMANDS, describe_failure, main
from benchmark.errors import ConfigError
from benchmark.features import Features, write_features
from benchmark.predictions import Predictions, read_predictions, write_predictions
from benchmark.texts import (
    is_file_name,
    is_place_below,
    shorten,
    to_cell,
    to_cells,
    to_file_name,
    to_line,
    to_markdown,
)
from tests.leaderboards.conftest import build_predictions

pytestmark = pytest.mark.reliability

NAMES = {
    "pipe": "a|b",
    "pipes": "||a||",
    "backtick": "`a",
    "code": "``a`` b",
    "backslash": "a\\",
    "script": "<script>alert(1)</script>",
    "image": "<img src=x onerror=alert(1)>",
    "comment": "<!-- a",
    "entity": "&lt;b&gt; &#60;b&#62;",
    "link": "[a](https://example.org)",
    "link of script": "[a](javascript:alert(1))",
    "picture": "![a](https://example.org/a.png)",
    "reference": "[a]: https://example.org",
    "reference used": "[a][a]",
    "address": "https://example.org",
    "address in brackets": "<https://example.org>",
    "address without scheme": "www.example.org",
    "bold": "**a** __a__",
    "emphasis": "*a* _a_",
    "struck": "~~a~~",
    "line breaks": "a\n\n# b\r\n- c",
    "table": "a\n|---|\n| b |",
    "formula of TeX": "$\\frac{1}{$",
    "formulas of TeX": "a $x$ b $\\undefined$ c",
    "dollar": "5 $",
    "formula": "=cmd|' /C calc'!A0",
    "formulas": "+1",
    "minus": "-1+cmd|' /C calc'!A0",
    "function": "@SUM(1)",
    "formula after a tab": "\t=1",
    "formula after blanks": "  =1",
    "formula after a line": "\n=1",
    "quotes": '"a",\'b\',\n"=1"',
    "rich": "[red]a[/red]",
    "rich end": "[/]",
    "rich link": "[link=https://example.org]a[/link]",
    "emoji code": ":bomb:",
    "colour": "\x1b[31ma",
    "title of the terminal": "\x1b]0;a\x07",
    "link of the terminal": "\x1b]8;;https://example.org\x1b\\a\x1b]8;;\x1b\\",
    "eight-bit escape": "\x9b31ma",
    "back and over": "good\b\b\b\bevil",
    "over the line": "good\revil",
    "delete": "a\x7fb",
    "right to left": "\u202egnp.exe\u202c",
    "invisible": "a\u200bb\ufeff\u2066c",
    "separators": "a\u2028b\u2029c\x85d\x0be\x0cf",
    "lone surrogate": "a\udc80b",
    "other letters": "ключ 📦 مفتاح 鍵",
    "long": "a" * 5000,
}
EVERYTHING = {
    "table and terminal": "=1|`a`|<script>x</script>[x](https://e.org)\x1b[31m\n\n| [red]b[/]",
    "figure and sheet": "@a $x_{$ **b** \u202e\x9b2J\r\n-c _d_ &lt;i&gt; $\\x$ <!-- ",
}
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
FORMULA = re.compile(r"\s*[=+@]|\s*-(?![\d.])")


def every_name(function: Callable[..., None]) -> Any:
    return pytest.mark.parametrize("name", NAMES.values(), ids=list(NAMES))(function)


def read_markdown(text: str) -> list[Any]:
    """Return the tokens of a Markdown text, those within lines laid out flat."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    return [part for token in tokens for part in (token, *(token.children or ()))]


def check_markdown(text: str, columns: set[int] | None = None) -> None:
    """Check that there are no tags, links or pictures, and that tables have as many columns."""
    tokens = read_markdown(text)
    kinds = {token.type for token in tokens}
    assert not kinds & {"html_block", "html_inline", "link_open", "image", "s_open", "em_open"}
    assert not re.search(r"https?://|www\.", text)
    widths, cells = set(), 0
    for token in tokens:
        cells += token.type in ("th_open", "td_open")
        if token.type == "tr_close":
            widths, cells = widths | {cells}, 0
    if columns is not None:
        assert widths == columns


@every_name
def test_markdown_shows_the_name_itself(name: str) -> None:
    shown = to_markdown(name)
    text = f"# {shown}\n\n| a | b |\n|---|---|\n| {shown} | {shown} |\n\n- missing: {shown}\n"
    check_markdown(text, {2})
    words = [token.content for token in read_markdown(text) if token.type == "inline"]
    heading, *_, first, second, line = [_read_text(token) for token in read_markdown(text)
        if token.type == "inline"]  # fmt: skip
    assert len(words) == 6
    assert heading == first == second == line.removeprefix("missing: ").strip()
    assert heading == to_line(name).strip()


def _read_text(token: Any) -> str:
    assert {child.type for child in token.children} <= {"text", "text_special"}
    return "".join(child.content for child in token.children)


@every_name
def test_terminals_get_one_line_without_commands(name: str) -> None:
    shown = to_line(name)
    assert shown.isprintable()
    assert shown.encode("utf-8")
    assert to_line(shown) == shown


@every_name
def test_failures_are_one_line_without_commands(name: str) -> None:
    for error in (ConfigError(f"{name}: wrong"), OSError(2, name, name), ValueError(name)):
        line, _ = describe_failure(error)
        assert line.isprintable()
        assert len(line) <= 2100


@every_name
def test_spreadsheets_take_names_for_text(name: str) -> None:
    import pandas

    assert not FORMULA.match(to_cell(name))
    table = pandas.DataFrame({"name": [name, "plain", None], "value": [-1.5, 2.0, np.nan]})
    handle = io.StringIO(to_cells(table).to_csv(index=False), newline="")
    (_, *rows) = list(csv.reader(handle))
    assert not FORMULA.match(rows[0][0])
    assert rows[0][0].removeprefix("'") == to_line(name)
    assert [row[1] for row in rows] == ["-1.5", "2.0", ""]


@every_name
def test_figures_show_dollar_signs_as_such(name: str, tmp_path: Path) -> None:
    from leaderboards.figures.drawing.style import make_figure, save_figure, set_title, styled

    with styled(), warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = make_figure(4, 2, f"A caption with {name} in it, and {name} again.")
        set_title(figure.subplots(), name)
        for kind in ("png", "svg"):
            save_figure(figure, tmp_path / f"figure.{kind}")
    ElementTree.parse(tmp_path / "figure.svg")


@every_name
def test_names_of_files_are_ordinary(name: str, tmp_path: Path) -> None:
    file = to_file_name(name)
    assert is_file_name(file)
    assert is_place_below(file)
    (tmp_path / file).touch()
    assert [path.name for path in tmp_path.iterdir()] == [file]


@pytest.mark.parametrize(
    "name",
    ["mug_white_green_norm", "Real/test/scene_1/0000", "genpose-100", "K = 50, a (b) [1]", "5 < 6"],
)
def test_ordinary_names_stay_as_they_are(name: str) -> None:
    assert to_markdown(name) == to_line(name) == to_cell(name) == name
    assert shorten(name) == name
    assert to_file_name("genpose-synth6-test") == "genpose-synth6-test"


def name_everything(name: str, **changed: Any) -> Predictions:
    """Return predictions in which everything that has a name is called the same."""
    options: dict[str, Any] = {"scenes": 2, "frames": 2, "hypotheses": 4}
    noise = lambda generator, category, count: 5 * generator.normal(size=(len(category), count))  # noqa: E731
    made = build_predictions(degree=noise, cm=noise, **options | changed)
    count = len(made.frames)
    kinds = {"preset": name, "weights": name, "holdout": name, "symmetry": name, name: name}
    info = replace(
        made.info,
        dataset=name,
        label_set=name,
        configuration=made.info.configuration | kinds,
        fingerprints=made.info.fingerprints | {f"shard:{name}": name, f"weights:{name}": name},
        assumptions=(name,),
        environment={"machine": name, "hypotheses_per_second": 3.0},
    )
    frames = replace(
        made.frames,
        id=[f"{name}{row}" for row in range(count)],
        scene=[f"{name}{row // 2}" for row in range(count)],
    )
    truths = made.ground_truth
    named = replace(truths, instance=[f"{name}{row % 6}" for row in range(len(truths))])
    return replace(made, info=info, frames=frames, ground_truth=named)


@pytest.fixture(params=EVERYTHING.values(), ids=list(EVERYTHING))
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a folder of runs of hostile names, in folders of hostile names."""
    name = request.param.replace("/", "")
    for number, estimator in enumerate(("genpose", f"{name} method", "genpose")):
        made = name_everything(name, seed=number, estimator=estimator)
        run = tmp_path / "runs" / f"{name}{number}"
        write_predictions(run / "predictions.h5", made)
        count = len(made.detections)
        write_features(
            run / "features.npz",
            Features(
                features=np.random.default_rng(0).normal(size=(count, 8)).astype(np.float16),
                detection=np.arange(count),
                category=made.detections.category,
            ),
        )
    (tmp_path / "runs" / f"{name}9").mkdir()
    (tmp_path / "runs" / f"{name}9" / "predictions.h5").write_bytes(b"damaged")
    return tmp_path / "runs"


def call(*arguments: object) -> str:
    """Run a command; check what it prints, and return it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Mean of empty slice")
        done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exit_code in (0, 2), done.output[-3000:]
    assert not isinstance(done.exception, ValueError | TypeError)
    assert not CONTROL.search(done.output), CONTROL.search(done.output)
    if done.exit_code == 2:
        assert len(done.stderr.splitlines()) <= 10
    return done.output


def check_files(out: Path, least: int) -> None:
    """Check every file that a command wrote."""
    paths = [path for path in out.rglob("*") if path.is_file()]
    assert len(paths) >= least
    for path in paths:
        if path.suffix == ".md":
            text = path.read_text(encoding="utf-8")
            check_markdown(text)
            assert not CONTROL.search(text)
        elif path.suffix == ".svg":
            ElementTree.parse(path)
        elif path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as handle:
                cells = [cell for row in csv.reader(handle) for cell in row]
            assert cells
            assert not [cell for cell in cells if FORMULA.match(cell)]


def list_runs(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if (path / "features.npz").exists())


@pytest.mark.parametrize(
    "command", ["tables", "claims", "compare", "slices", "risk", "evaluate", "export", "view"]
)
def test_commands_print_and_write_names_as_text(folder: Path, tmp_path: Path, command: str) -> None:
    assert command in COMMANDS
    first, second, third = list_runs(folder)
    out = tmp_path / "out"
    least = 1
    match command:
        case "tables":
            call("tables", "all", "--runs", folder, "--out", out)
            least = 8
        case "claims":
            call("claims", "--runs", folder, "--rounds", "5", "--out", out)
            least = 3
        case "compare":
            call("compare", first, third, "--rounds", "5", "--out", out)
            least = 4
        case "slices":
            call("slices", first, "--rounds", "5", "--out", out)
            least = 3
        case "risk":
            call("risk", first, "--rounds", "5", "--out", out)
            least = 3
        case "evaluate":
            call("evaluate", second, "--protocol", "genpose,strict", "--explain", "--out", out)
            least = 4
        case "export":
            for form in ("csv", "json", "p1", "p4"):
                call("export", first, "--format", form, "--out", out / f"poses.{form}")
            least = 4
        case "view":
            call("view", first, "--out", tmp_path / "out/view.svg")
            call("view", first, "--frame", "no such frame")
            call("view", first)
            assert len(list(first.glob("view-*.png"))) == 1
    check_files(out, least)


def test_figures_show_names_as_text(folder: Path, tmp_path: Path) -> None:
    first, second, _ = (path.name for path in list_runs(folder))
    call("figures", "all", "--runs", folder, "--run", first, "--other", second, "--out",
        tmp_path / "out")  # fmt: skip
    check_files(tmp_path / "out", 12)


def test_records_and_imports_show_names_as_text(folder: Path, tmp_path: Path) -> None:
    run = list_runs(folder)[0]
    name = run.name
    given = ("authors", "contact", "paper", "training-data", "hardware")
    options = [part for key in given for part in (f"--{key}", name)]
    call("submit", run, "--method", name, "--out", tmp_path / "records", *options)
    (record,) = (tmp_path / "records").glob("*.json")
    call("verify", record)
    call("verify", record, "--predictions", run / "predictions.h5")
    call("tables", "1", "--runs", folder, "--records", record.parent, "--out", tmp_path / "out")
    check_files(tmp_path / "out", 3)
    assert "method" in read_predictions(list_runs(folder)[1] / "predictions.h5").info.estimator
