"""`genbench slices`: accuracy of a run by what makes objects hard."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.analysis_options import analysis_options

if TYPE_CHECKING:
    from leaderboards.analysis.resampling import Unit


@click.command("slices")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--by",
    default="",
    help="Attributes, comma-separated: category, visibility, distance, handle, holes  "
    "[default: all].",
)
@analysis_options
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=None,
    help="Folder for slices.md, slices.json and slices.csv.",
)
def slices(
    run: Path,
    by: str,
    protocol: str,
    draw: "Unit | None",
    rounds: int,
    seed: int,
    as_json: bool,
    out: Path | None,
) -> None:
    """Say how accurate RUN is by category, visibility, distance, handle and depth holes.

    \b
    genbench slices genbench-runs/genpose
    genbench slices RUN --by visibility,handle --protocol strict
    """
    from benchmark.cli.console import deliver
    from leaderboards.analysis.slices import slice_run
    from leaderboards.runs import open_run

    names = [name.strip() for name in by.split(",") if name.strip()]
    report = slice_run(open_run(run), names, protocol, unit=draw, rounds=rounds, seed=seed)
    deliver(report, as_json, out)
