"""`genbench train`: train an estimator's networks on shards."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from benchmark.training.options import Precision


@click.command("train")
@click.argument("shards", type=click.Path(path_type=Path))
@click.option("--estimator", default="genpose", show_default=True, help="Registered estimator.")
@click.option("--preset", default=None, help="Configuration; compact if not given.")
@click.option("--holdout", default=None, help="Category that must not be trained on.")
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    default=None,
    help="Minutes for each network; the steps that fit are measured at the start.",
)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    default=None,
    help="Optimiser steps of each network, instead of a budget in minutes.",
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto.")
@click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bfloat16"]),
    default="auto",
    show_default=True,
    help="Of matrix products; auto takes bfloat16 where the device has it.",
)
@click.option("--threads", type=click.IntRange(min=1), default=None, help="CPU threads.")
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Folder to train in.")
def train(
    shards: Path,
    estimator: str,
    preset: str | None,
    holdout: str | None,
    budget: float | None,
    steps: int | None,
    seed: int,
    device: str,
    precision: "Precision",
    threads: int | None,
    out: Path | None,
) -> None:
    """Train an estimator on SHARDS, a folder of training shards.

    Writes weights and their card into OUT. A training that was interrupted continues when the same
    command is given again. Shards of split val in the same folder are used to report accuracy.

    \b
    genbench train genbench-data/synth6/shards --budget 40
    torchrun --nproc-per-node 4 -m benchmark.cli.main train SHARDS --budget 40
    """
    from benchmark.cli.console import get_runs_home, say, show_progress
    from benchmark.errors import ConfigError
    from benchmark.logs import logging_into
    from benchmark.memory import keep_freed_memory
    from benchmark.registry import get_estimator
    from benchmark.training.options import FitOptions

    keep_freed_memory()
    if (steps is None) == (budget is None):
        raise ConfigError("training needs one of --budget MINUTES and --steps N")
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    fit = getattr(get_estimator(estimator), "fit", None)
    if fit is None:
        raise ConfigError(f"estimator '{estimator}' has nothing to train")
    name = "-".join([estimator, preset or "default", *([f"without-{holdout}"] if holdout else [])])
    folder = out or get_runs_home() / f"train-{name}"
    options = FitOptions(
        preset=preset,
        holdout=holdout,
        minutes=budget,
        steps=steps,
        seed=seed,
        device=device,
        precision=precision,
    )
    with logging_into(folder):
        fit(shards, folder, options, report=say, show=show_progress)
        say(f"weights and card are in {folder}")
