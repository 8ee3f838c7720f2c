"""`genbench claims`: what the paper claims, against the runs at hand."""

from pathlib import Path

import click


@click.command("claims")
@click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=None,
    help="Folder that the runs lie below  [default: genbench-runs].",
)
@click.option("--rounds", type=click.IntRange(2), default=1000, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print verdicts and evidence as JSON.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=None,
    help="Folder for claims.md, claims.json and claims.csv.",
)
def claims(runs: Path | None, rounds: int, seed: int, as_json: bool, out: Path | None) -> None:
    """Test the paper's claims: does each hold, fail, or is it untestable with these runs?

    Every claim is tested on the paper's own numbers, where it prints some, and on each set of runs
    over the same data. What is missing is named, with the command that makes it.

    \b
    genbench claims --runs genbench-runs
    genbench claims --runs RUNS --out published
    """
    from benchmark.cli.console import deliver, get_runs_home
    from leaderboards.claims.checking import report_claims
    from leaderboards.runs import find_runs

    found = find_runs(runs or get_runs_home())
    report = report_claims(found.found, left_out=found.left_out, rounds=rounds, seed=seed)
    deliver(report, as_json, out)
