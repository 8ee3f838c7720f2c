"""`genbench publish`: every run that the tables need, and their tables, claims and page."""

import shutil
from contextlib import redirect_stdout
from pathlib import Path

import click

from benchmark.cli.console import say, show

STEPS = (
    "synth {data} --size tiny",
    "prepare {data} --out {shards} --split test",
    "prepare {data} --out {shards} --split val",
    "prepare {data} --out {aligned} --split test --detections aligned",
    "run {shards} --hypotheses 100 --out {runs}/genpose-100",
    "features {runs}/genpose-100 {shards}",
    "likelihood {runs}/genpose-100 {shards} --frames 8",
    "run {shards} --split val --out {runs}/genpose-camera",
    "run {shards} --estimator mean-pose --out {runs}/mean-pose",
    "run {shards} --estimator regression --out {runs}/regression",
    "run {shards} --estimator regression --preset ignored --out {runs}/regression-ignoring",
    "run {shards} --holdout bowl --out {runs}",
    "run {shards} --holdout bottle --out {runs}",
    "run {shards} --holdout can --out {runs}",
    "run {aligned} --track --out {runs}/tracking",
    "run {aligned} --track --policy coast --out {runs}/tracking-coast",
    "run {aligned} --track --estimator oracle-icp --out {runs}/oracle-icp",
)
"""The commands that make the runs, on synth6 tiny with the shipped weights."""

RESULTS = (
    "tables all --runs {runs} --out {made}",
    "claims --runs {runs} --out {made}",
    "report --runs {runs} --out {page} --data {data}",
)
"""The commands that make what is published of the runs."""


@click.command("publish")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("leaderboards/published"),
    show_default=True,
    help="The published folder: compared with, or written.",
)
@click.option(
    "--work",
    type=click.Path(path_type=Path),
    default=Path("build/published"),
    show_default=True,
    help="Folder for data, runs and what is regenerated; a second call goes on there.",
)
@click.option("--update", is_flag=True, help="Write OUT instead of comparing with it.")
def publish(out: Path, work: Path, update: bool) -> None:
    """Regenerate the published tables and claims; exit with 3 if they differ beyond tolerance.

    Renders synth6 tiny, runs everything that the tables need with the shipped weights, and writes
    tables, claims and page. Their numbers are compared with those in OUT.
    """
    from leaderboards.deviations import refuse
    from leaderboards.publication import compare_published

    made = work / "made"
    regenerate(work, made)
    if update:
        replace_folder(out, made)
        say(f"written: {out}")
        return
    deviations = compare_published(out, made)
    for deviation in deviations:
        show(deviation.describe())
    refuse(
        f"{made} differs from {out} ({len(deviations)} numbers; genbench publish --update takes "
        "them over)",
        [deviation.describe() for deviation in deviations[:1]],
    )
    say(f"{made} agrees with {out}; its page is {work}/page/index.html")


def regenerate(work: Path, made: Path) -> None:
    """Make all runs below `work`, and the tables and claims in `made`; outputs go to a log."""
    shutil.rmtree(made, ignore_errors=True)
    data = work / "data"
    places = {
        "data": data,
        "shards": data / "shards",
        "aligned": data / "shards-aligned",
        "runs": work / "runs",
        "made": made,
        "page": work / "page",
    }
    work.mkdir(parents=True, exist_ok=True)
    with (work / "log.txt").open("a", encoding="utf-8") as log:
        for step in (*STEPS, *RESULTS):
            arguments = [part.format(**places) for part in step.split()]
            say(f"genbench {' '.join(arguments)}")
            with redirect_stdout(log):
                call(arguments)


def call(arguments: list[str]) -> None:
    """Run a command of genbench in this process; its errors are passed on."""
    from benchmark.cli.main import main

    context = click.Context(main)
    command = main.get_command(context, arguments[0])
    if command is None:
        raise LookupError(arguments[0])
    command.main(arguments[1:], prog_name=arguments[0], standalone_mode=False)


def replace_folder(out: Path, made: Path) -> None:
    """Put the files of `made` in the place of those of `out`."""
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(made, out)
