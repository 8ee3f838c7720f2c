"""`genbench likelihood`: rank hypotheses by their exact likelihood, on some frames of a run."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.console import say, show_progress

if TYPE_CHECKING:
    from benchmark.likelihoods import Likelihoods
    from benchmark.predictions import Predictions

_SHOWN = ("5deg_2cm", "5deg_5cm", "10deg_2cm", "10deg_5cm")


@click.command("likelihood")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("shards", type=click.Path(path_type=Path))
@click.option(
    "--frames", type=int, default=40, show_default=True, help="How many frames, evenly spread."
)
@click.option("--tolerance", type=float, default=1e-4, show_default=True, help="Of the ODE solver.")
@click.option(
    "--weights", type=click.Path(path_type=Path), help="The run's weights, where it only has names."
)
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto.")
@click.option("--threads", type=click.IntRange(1), help="CPU threads  [default: all].")
def likelihood(run: Path, shards: Path, threads: int | None, **chosen: Any) -> None:
    """Write RUN/likelihood.h5: the exact log-likelihood of every hypothesis in some frames.

    RUN is a run's folder, SHARDS the folder (or file) that it was made from. Takes the weights that
    the run used. Prints how ranking by likelihood compares with ranking by energy, how well the two
    agree, and what they cost.
    """
    from benchmark.likelihood_scoring import ScoringOptions, score_run
    from benchmark.likelihoods import LIKELIHOOD_NAME, write_likelihoods
    from benchmark.predictions import read_predictions
    from benchmark.running import PREDICTIONS_NAME
    from benchmark.shards import find_shards

    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    paths = [shards] if shards.is_file() else find_shards(shards)
    with show_progress("integrating", None, "detections") as advance:
        found = score_run(run, paths, ScoringOptions(**chosen), advance)
    write_likelihoods(run / LIKELIHOOD_NAME, found)
    predictions = read_predictions(run / PREDICTIONS_NAME)
    if predictions.info.has_ground_truth:
        print_accuracies(predictions, found)
    print_agreement(predictions, found)
    say(f"written: {run / LIKELIHOOD_NAME}: {len(found.rows)} likelihoods")


def print_accuracies(predictions: "Predictions", likelihoods: "Likelihoods") -> None:
    """Print the mean accuracies of every way to rank."""
    from benchmark.evaluation.rankers import compare_rankers

    rows = compare_rankers(predictions, likelihoods)
    click.echo(f"{'ranked by':<24}" + "".join(f"{name:>11}" for name in _SHOWN))
    for name, means in rows.items():
        cells = [f"{means[metric]:.1f}" if metric in means else "" for metric in _SHOWN]
        click.echo(f"{name:<24}" + "".join(f"{cell:>11}" for cell in cells))
    if not all(rows.values()):
        say("no mean: not every category is in these frames; take more with --frames")


def print_agreement(predictions: "Predictions", likelihoods: "Likelihoods") -> None:
    """Print rank correlations with the energies, and what likelihoods and energies cost."""
    from benchmark.evaluation.rankers import measure_agreement

    info, (detections, values) = likelihoods.info, likelihoods.by_detection()
    count = len(detections)
    click.echo(f"likelihood: {info.seconds / count:.3g} s a detection of {values.shape[1]} poses")
    if predictions.energies is None:
        return
    ratio = info.seconds / info.energy_seconds
    click.echo(f"energy: {info.energy_seconds / count:.3g} s, {ratio:.0f} times less")
    for name, found in measure_agreement(predictions, likelihoods).items():
        click.echo(
            f"Spearman's rank correlation with the energy ({name}): {found.mean:.3f} "
            f"({found.low:.3f} to {found.high:.3f}), mean of {found.detections} detections"
        )
