"""`genbench compare`: a paired test of two runs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from leaderboards.analysis.resampling import Unit


@click.command("compare")
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
@click.option("--protocol", default="genpose", show_default=True, help="See genbench list.")
@click.option(
    "--draw",
    type=click.Choice(["frame", "scene"]),
    default=None,
    help="What the bootstrap draws  [default: scenes where objects recur in them, else frames].",
)
@click.option("--rounds", type=click.IntRange(2), default=1000, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--allow-different-detections",
    is_flag=True,
    help="Compare runs that start from different detections, and say so.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=None,
    help="Folder for compare.md, compare.json, compare.csv and disagreements.csv.",
)
def compare(
    first: Path,
    second: Path,
    protocol: str,
    draw: "Unit | None",
    rounds: int,
    seed: int,
    allow_different_detections: bool,
    as_json: bool,
    out: Path | None,
) -> None:
    """Compare the runs FIRST and SECOND, metric by metric, with paired intervals.

    \b
    genbench compare genbench-runs/a genbench-runs/b
    genbench compare A B --protocol strict --json
    """
    from benchmark.cli.console import deliver
    from leaderboards.analysis.comparison import compare_runs
    from leaderboards.analysis.comparison_report import report_comparison
    from leaderboards.runs import open_run

    comparison = compare_runs(
        open_run(first),
        open_run(second),
        protocol,
        unit=draw,
        rounds=rounds,
        seed=seed,
        allow_different_detections=allow_different_detections,
    )
    deliver(report_comparison(comparison), as_json, out)
