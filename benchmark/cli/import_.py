"""`genbench import`: read a result that another project wrote."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.console import get_runs_home, print_json, say, show, show_progress

if TYPE_CHECKING:
    from benchmark.predictions import Predictions


@click.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    default="auto",
    show_default=True,
    help="p1 to p9, see docs/formats.md; auto tells it from the content.",
)
@click.option("--out", type=click.Path(path_type=Path), help="File (.h5) or run folder to write.")
@click.option("--method", help="Name of the method, for tables.")
@click.option(
    "--ground-truth",
    type=click.Path(path_type=Path),
    help="Predictions, shards or another result whose ground truth to use, not the file's own.",
)
@click.option(
    "--poses",
    type=click.Choice(["own", "nocs"]),
    default="own",
    show_default=True,
    help="CASS: whose poses.",
)
@click.option("--iteration", type=int, help="CATRE: refinement step; default is the last.")
@click.option(
    "--keep",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.6,
    show_default=True,
    help="Share of the ranked hypotheses to average where a file has no estimates.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was read as JSON.")
def import_command(
    path: Path,
    form: str,
    out: Path | None,
    method: str | None,
    ground_truth: Path | None,
    poses: str,
    iteration: int | None,
    keep: float,
    as_json: bool,
) -> None:
    """Read the result of another project and write predictions.h5.

    PATH is a file or a folder: NOCS-style pickles, GPV-Pose and RBP-Pose lists, CASS JSON, GenPose
    results with hypotheses, CAPTRA, CATRE, 6-PACK, iCaps, and detections with masks; gzipped or
    not. Frames and units are converted, the file's own ground truth is kept, and whatever had to be
    assumed is printed and written down.
    """
    from baselines.importers import ImportOptions, read_foreign
    from benchmark.predictions import write_predictions

    options = ImportOptions(
        method=method,
        poses="nocs" if poses == "nocs" else "own",
        iteration=iteration,
        keep=keep,
        detections_only=True,
        ground_truth=ground_truth,
    )
    with show_progress("reading", None, "files") as advance:
        predictions = read_foreign(path, form, options=options, advance=advance)
    target = _choose_target(path, out)
    write_predictions(target, predictions)
    _report(target, predictions, as_json=as_json)


def _choose_target(path: Path, out: Path | None) -> Path:
    """Return the file to write: a run folder named after the result unless told otherwise."""
    if out is None:
        name = path.resolve().name.split(".")[0] or "result"
        out = get_runs_home() / f"imported-{name}"
    return out if out.suffix == ".h5" else out / "predictions.h5"


def _report(target: Path, predictions: "Predictions", *, as_json: bool) -> None:
    summary = {
        "file": str(target),
        "form": predictions.info.configuration["form"],
        "method": predictions.info.estimator,
        "frames": len(predictions.frames),
        "objects": len(predictions.ground_truth),
        "detections": len(predictions.detections),
        "estimates": int(predictions.estimates.estimated.sum()),
        "hypotheses": 0 if predictions.hypotheses is None else predictions.hypotheses.shape[1],
        "assumptions": list(predictions.info.assumptions),
    }
    if as_json:
        print_json(summary)
        return
    say(
        f"{summary['form']}: {summary['frames']} frames, {summary['objects']} annotated objects, "
        f"{summary['detections']} detections, {summary['estimates']} estimates, "
        f"{summary['hypotheses']} hypotheses each"
    )
    for sentence in predictions.info.assumptions:
        say(f"assumed: {sentence}")
    show(target)
