"""What `genbench run` prints in the end: the table, or poses where there is nothing to score."""

from pathlib import Path

import click

from benchmark.cli.console import say, show

_PRINTED = ("tx", "ty", "tz", "spread_deg", "spread_cm")
_PRINTED_ROWS = 20


def report(context: click.Context, folder: Path, as_json: bool) -> None:
    """Score a run and print its table; without ground truth, print its poses."""
    from benchmark.predictions import read_run_info
    from benchmark.running import PREDICTIONS_NAME

    if not read_run_info(folder / PREDICTIONS_NAME).has_ground_truth:
        report_poses(folder, as_json)
        return
    from benchmark.cli.evaluate import evaluate

    context.invoke(evaluate, path=folder, as_json=as_json)


def report_poses(folder: Path, as_json: bool) -> None:
    """Write poses.csv and poses.json, and print the poses with their spread."""
    from baselines.importers.export_tables import build_pose_table, write_csv, write_json
    from benchmark.predictions import read_predictions
    from benchmark.running import PREDICTIONS_NAME

    predictions = read_predictions(folder / PREDICTIONS_NAME)
    write_csv(folder / "poses.csv", predictions)
    write_json(folder / "poses.json", predictions)
    if as_json:
        click.echo((folder / "poses.json").read_text())
        return
    table = build_pose_table(predictions)[["frame", "category", *_PRINTED]]
    show(table.head(_PRINTED_ROWS).to_string(index=False, float_format="%.3f", na_rep="-"))
    if len(table) > _PRINTED_ROWS:
        say(f"... and {len(table) - _PRINTED_ROWS} more")
    say(
        f"no ground truth to score against; rotations and hypotheses too are in {folder}/poses.json"
    )
