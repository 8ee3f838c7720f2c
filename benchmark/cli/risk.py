"""`genbench risk`: how well a run tells which of its estimates to trust."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.analysis_options import analysis_options

if TYPE_CHECKING:
    from leaderboards.analysis.resampling import Unit


@click.command("risk")
@click.argument("run", type=click.Path(path_type=Path))
@analysis_options
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=None,
    help="Folder for risk.md, risk.json, risk.csv and risk_curves.csv.",
)
def risk(
    run: Path,
    protocol: str,
    draw: "Unit | None",
    rounds: int,
    seed: int,
    as_json: bool,
    out: Path | None,
) -> None:
    """Say how wrong RUN is if only its most trusted estimates are used.

    Estimates are trusted by the energies of their hypotheses, by their spread, and by the
    detector's confidence.

    \b
    genbench risk genbench-runs/genpose
    genbench risk RUN --out analysis
    """
    from benchmark.cli.console import deliver
    from leaderboards.analysis.risk import report_risk
    from leaderboards.runs import open_run

    deliver(report_risk(open_run(run), protocol, unit=draw, rounds=rounds, seed=seed), as_json, out)
