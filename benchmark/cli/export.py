"""`genbench export`: write a run in a form that other projects read."""

from pathlib import Path

import click

from benchmark.cli.console import say, show


@click.command("export")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--format", "form", required=True, help="p1, p4, csv or json; see docs/formats.md.")
@click.option("--out", type=click.Path(path_type=Path), help="File, or folder for p1, to write.")
def export_command(run: Path, form: str, out: Path | None) -> None:
    """Write the predictions of RUN for other projects' evaluators, or as a table.

    RUN is a run folder or a predictions.h5. What was imported from p1 or p4 goes back to the same
    form with the very types and values that it had.
    """
    from baselines.importers.export import get_export_name, write_foreign
    from benchmark.predictions import read_predictions

    file = run / "predictions.h5" if run.is_dir() else run
    target = out or file.parent / get_export_name(form)
    predictions = read_predictions(file)
    write_foreign(target, predictions, form)
    say(f"{len(predictions.frames)} frames, {len(predictions.detections)} detections")
    show(target)
