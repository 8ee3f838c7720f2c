"""`genbench features`: what a run's encoder makes of its clouds, for figure 5."""

from pathlib import Path

import click

from benchmark.cli.console import say, show_progress


@click.command("features")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("shards", type=click.Path(path_type=Path))
@click.option(
    "--weights", type=click.Path(path_type=Path), help="The run's weights, where it only has names."
)
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto.")
@click.option("--threads", type=click.IntRange(1), help="CPU threads  [default: all].")
def features(
    run: Path, shards: Path, weights: Path | None, device: str, threads: int | None
) -> None:
    """Write RUN/features.npz: the encoder's feature of every cloud in SHARDS.

    RUN is a run's folder, SHARDS the folder (or file) that it was made from. Takes the weights that
    the run used.
    """
    from benchmark.features import FEATURES_NAME, FeatureOptions, compute_features, write_features
    from benchmark.shards import find_shards

    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    paths = [shards] if shards.is_file() else find_shards(shards)
    options = FeatureOptions(weights=weights, device=device)
    with show_progress("encoding", None, "clouds") as advance:
        found = compute_features(run, paths, options, advance)
    write_features(run / FEATURES_NAME, found)
    say(
        f"written: {run / FEATURES_NAME}: {found.features.shape[0]} features of "
        f"{found.features.shape[1]} numbers"
    )
