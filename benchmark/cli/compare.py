"""`genbench compare`: a paired test of two runs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.analysis_options import analysis_options

if TYPE_CHECKING:
    from leaderboards.analysis.resampling import Unit


@click.command("compare")
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
@click.option(
    "--allow-different-detections",
    is_flag=True,
    help="Compare runs that start from different detections, and say so.",
)
@analysis_options
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
