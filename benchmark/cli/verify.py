"""`genbench verify`: check a leaderboard record by scoring its predictions again."""

from pathlib import Path

import click


@click.command("verify")
@click.argument("record", type=click.Path(path_type=Path))
@click.option(
    "--predictions",
    type=click.Path(path_type=Path),
    help="The predictions file  [default: the one that the record names, below its folder].",
)
@click.option(
    "--shards",
    type=click.Path(path_type=Path),
    help="The data: checks the ground truth too, which the predictions carry with them.",
)
@click.option("--split", type=click.Choice(["test", "val"]), default="test", show_default=True)
def verify(record: Path, predictions: Path | None, shards: Path | None, split: str) -> None:
    """Score the predictions of RECORD again; exit with 3 if anything does not reproduce."""
    from benchmark.cli.console import show
    from benchmark.shards import find_shards
    from leaderboards.deviations import refuse
    from leaderboards.submission.record import read_record
    from leaderboards.submission.verification import TOLERANCE, find_predictions, verify_record

    read = read_record(record)
    paths = find_shards(shards, split="val" if split == "val" else "test") if shards else ()
    reasons = verify_record(read, predictions or find_predictions(record, read), paths)
    refuse(f"{record} does not reproduce", reasons)
    protocols = ", ".join(block.name for block in read.result.protocols)
    checked = "ground truth checked" if shards else "ground truth taken from the predictions"
    show(f"{read.metadata.method}: reproduced under {protocols} to {TOLERANCE:g}; {checked}")
