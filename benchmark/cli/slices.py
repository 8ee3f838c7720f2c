"""`genbench slices`: accuracy of a run by what makes objects hard."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

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
@click.option("--protocol", default="genpose", show_default=True, help="See genbench list.")
@click.option(
    "--draw",
    type=click.Choice(["frame", "scene"]),
    default=None,
    help="What the bootstrap draws  [default: scenes where objects recur in them, else frames].",
)
@click.option("--rounds", type=click.IntRange(2), default=1000, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the slices as JSON.")
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
