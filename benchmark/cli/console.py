"""What commands share on the terminal: progress, JSON for machines, and where files go."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.logs import note
from benchmark.texts import to_line, to_lines

if TYPE_CHECKING:
    from rich.progress import Progress

    from leaderboards.analysis.rendering import Report

Advance = Callable[[int], None]
"""Reports that so many more items are done."""

_SECONDS_BETWEEN_LINES = 30.0


def get_data_home() -> Path:
    """Return the folder for data sets and shards: `genbench-data`, below GENBENCH_HOME if set."""
    return Path(os.environ.get("GENBENCH_HOME", ".")) / "genbench-data"


def get_runs_home() -> Path:
    """Return the folder for runs: `genbench-runs`, below GENBENCH_HOME if set."""
    return Path(os.environ.get("GENBENCH_HOME", ".")) / "genbench-runs"


def say(message: str) -> None:
    """Print one line for a person; results go to stdout, everything else through here.

    It is in the log as well, where the command keeps one. Names of strangers may be in it: nothing
    in it controls the terminal.
    """
    click.echo(to_line(message), err=True)
    note(message)


def show(text: object) -> None:
    """Print a result for a person, of one line or several; no name in it controls the terminal."""
    click.echo(to_lines(str(text)))


def print_json(payload: Any) -> None:
    """Print a result for machines: one JSON document on stdout, keys sorted."""
    click.echo(json.dumps(payload, indent=2, sort_keys=True, default=str))


def deliver(report: "Report", as_json: bool, out: Path | None) -> None:
    """Print a report as Markdown or JSON, and write its files where a folder is given."""
    if as_json:
        print_json(report.document)
    else:
        show(report.markdown)
    if out is not None:
        say(f"written: {out}/{', '.join(report.write(out))}")


@contextmanager
def show_progress(description: str, total: int | None, unit: str = "frames") -> Iterator[Advance]:
    """Show how far a long piece of work is, on stderr.

    On a terminal this is a bar with rate and remaining time. Elsewhere, and in the log, it is a
    line every half minute and one at the end.

    Args:
        description: what is being done ("rendering").
        total: number of items, None where it is not known.
        unit: what the items are, in the plural.

    Yields:
        A function to call with the number of items that were just done.
    """
    if not sys.stderr.isatty():
        with _show_lines(description, total, unit, say) as advance:
            yield advance
        return
    with _build_bar(unit) as bar, _show_lines(description, total, unit, note) as log:
        task = bar.add_task(description, total=total)

        def advance_both(count: int) -> None:
            bar.advance(task, count)
            log(count)

        yield advance_both


def _build_bar(unit: str) -> "Progress":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.1f} {unit}/s")

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


@contextmanager
def _show_lines(
    description: str, total: int | None, unit: str, write: Callable[[str], None]
) -> Iterator[Advance]:
    start = last = time.monotonic()
    done = 0
    of_total = "" if total is None else f" of {total}"

    def advance(count: int) -> None:
        nonlocal done, last
        done += count
        if time.monotonic() - last >= _SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            write(f"{description}: {done}{of_total} {unit}, {done / (last - start):.1f} {unit}/s")

    yield advance
    if not done:
        return
    seconds = time.monotonic() - start
    rate = f", {done / seconds:.1f} {unit}/s" if seconds > 0 else ""
    write(f"{description}: {done}{of_total} {unit} in {seconds:.1f} s{rate}")
