"""`genbench tables`: the paper's tables beside what was imported and reproduced."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.console import get_runs_home, print_json, say

if TYPE_CHECKING:
    from leaderboards.tables.model import ResultTable


@click.command("tables")
@click.argument("which", nargs=-1)
@click.option(
    "--runs",
    type=click.Path(path_type=Path),
    help="Folder of runs  [default: genbench-runs].",
)
@click.option(
    "--records",
    type=click.Path(path_type=Path),
    help="Folder of leaderboard records to show in Tables 1 and 7.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder for CSV and Markdown.")
@click.option("--json", "as_json", is_flag=True, help="Print the tables as JSON.")
def tables(
    which: tuple[str, ...],
    runs: Path | None,
    records: Path | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Print tables of the paper, WHICH being 1 to 7 or all.

    What the paper reports stands beside what was imported from official files and what was run
    here. Every cell says its protocol and weights; what is missing is named below the table.
    """
    from leaderboards.runs import Runs, find_runs
    from leaderboards.submission.record import read_records
    from leaderboards.tables.build import build_tables
    from leaderboards.tables.files import write_tables

    numbers = _parse_numbers(which)
    home = get_runs_home()
    found = find_runs(runs or home) if runs or home.is_dir() else Runs(found=())
    built = build_tables(numbers, found.found, read_records(records) if records else ())
    if as_json:
        print_json([table.describe() for table in built])
    else:
        _print_tables(built)
    for line in found.left_out:
        say(f"left out: {line}")
    if out is not None:
        paths = write_tables(out, built)
        say(f"written: {out}/{', '.join(path.name for path in paths)}")


def _parse_numbers(which: tuple[str, ...]) -> list[int]:
    """Return the numbers asked for, all without any.

    Raises:
        UnknownNameError: no such table.
    """
    from benchmark.errors import UnknownNameError
    from leaderboards.reported_tables import TABLES

    if not which or "all" in which:
        return list(TABLES)
    known = [str(number) for number in TABLES]
    for name in which:
        if name not in known:
            raise UnknownNameError.suggest("table", name, [*known, "all"])
    return sorted({int(name) for name in which})


def _print_tables(built: "list[ResultTable]") -> None:
    import sys

    from rich.console import Console
    from rich.text import Text

    from benchmark.texts import to_line
    from leaderboards.tables.files import render_tables
    from leaderboards.tables.layout import lay_out

    console = Console(width=None if sys.stdout.isatty() else 200)
    for table in built:
        for shown in render_tables(table):
            console.print(shown)
        for line in lay_out(table).legend:
            console.print(Text(to_line(line)), style="dim")
        console.print()
