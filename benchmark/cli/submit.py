"""`genbench submit`: write a leaderboard record for a run."""

from pathlib import Path

import click

from benchmark.cli.console import say


@click.command("submit")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--metadata",
    "metadata_path",
    type=click.Path(path_type=Path),
    help="TOML or JSON file with what the options below say.",
)
@click.option("--method", help="Name of the method on the leaderboard.")
@click.option("--authors", help="Who made it.")
@click.option("--contact", help="Where to ask.")
@click.option("--paper", help="Link; a paper or code is required.")
@click.option("--code", help="Link; a paper or code is required.")
@click.option("--training-data", help="What it was trained on.")
@click.option("--hardware", help="What it was run on.")
@click.option("--notes", help="What else a reader should know.")
@click.option(
    "--protocol",
    default="genpose,strict",
    show_default=True,
    help="Protocols to score by, comma-separated.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="The record to write (.json), or a folder for it.",
)
def submit(
    run: Path,
    metadata_path: Path | None,
    protocol: str,
    out: Path,
    **given: str | None,
) -> None:
    """Score RUN, a run folder, and write a record of it for a leaderboard.

    The record holds metadata, the fingerprint of the predictions, the scores and the provenance.
    genbench verify checks it by scoring the predictions again.

    \b
    genbench submit genbench-runs/RUN --metadata me.toml --out records/
    """
    from benchmark.evaluation.protocols import Options
    from leaderboards.submission.record import read_metadata, write_record
    from leaderboards.submission.verification import make_record

    metadata = read_metadata(metadata_path, given)
    target = out if out.suffix == ".json" else out / f"{_name_file(metadata.method)}.json"
    protocols = [name.strip() for name in protocol.split(",") if name.strip()]
    record = make_record(run / "predictions.h5", target, metadata, protocols, Options())
    write_record(target, record)
    say(f"written: {target}: hand it in with {run / 'predictions.h5'}")


def _name_file(method: str) -> str:
    """Return a file name of letters, digits and hyphens."""
    from benchmark.texts import to_file_name

    return to_file_name("".join(c if c.isalnum() else "-" for c in method.lower()))
