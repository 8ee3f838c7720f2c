"""Training of a plan's networks one after the other, then weights with their card."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmark.diffusion.checkpoints import write_weights
from benchmark.errors import ShardFormatError
from benchmark.locking import locked
from benchmark.progress import ShowProgress
from benchmark.replacing import replacing
from benchmark.shards import find_shards
from benchmark.training.clouds import CloudBatch, TrainingClouds
from benchmark.training.loop import Trainer, TrainingOptions, TrainingOutcome
from benchmark.training.options import FitOptions
from benchmark.training.processes import is_first_process
from benchmark.training.recipe import Recipe

_VALIDATION_CLOUDS = 600


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One network of a plan.

    Attributes:
        name: of the network and its weights file.
        make: returns its recipe, given that of the stage before, if there was one.
        share: its budget as a share of the whole plan's `--steps` or `--budget`.
    """

    name: str
    make: Callable[[Recipe | None], Recipe]
    share: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How the networks of an estimator's preset are trained.

    Attributes:
        estimator, preset: their names.
        stages: the networks in the order of their training.
        weights_dtype: precision of the weights files.
        departures: sentences for the card: where the preset departs from the paper.
    """

    estimator: str
    preset: str
    stages: tuple[Stage, ...]
    weights_dtype: torch.dtype
    departures: tuple[str, ...] = ()


def fit_networks(
    plan: Plan,
    shards: Path,
    folder: Path,
    options: FitOptions,
    *,
    report: Callable[[str], None],
    show: ShowProgress,
) -> None:
    """Train the networks of a plan on the training shards of a folder.

    Args:
        plan: what to train.
        shards: folder of shards; those of split val, if any, measure accuracy on the way.
        folder: receives a weights file for each network, `card.json` and the state of every
            training, from which the same call continues.
        options: budget, seed, hold-out.
        report: receives lines about what is done and how accurate it is.
        show: displays progress.

    Raises:
        ConfigError: another process trains in `folder`.
    """
    with locked(folder) if is_first_process() else nullcontext():
        clouds = TrainingClouds(find_shards(shards, split="train"), holdout=options.holdout)
        report(f"training on {len(clouds)} clouds of {len(clouds.record.instances)} instances")
        validation = read_validation_clouds(shards)
        card = _fit_stages(
            plan, clouds, folder, options, validation=validation, report=report, show=show
        )
        with replacing(folder / "card.json") as temporary:
            text = json.dumps(_describe(plan, clouds, options, card), indent=2)
            temporary.write_text(f"{text}\n", encoding="utf-8")


def _fit_stages(
    plan: Plan,
    clouds: TrainingClouds,
    folder: Path,
    options: FitOptions,
    *,
    validation: CloudBatch | None,
    report: Callable[[str], None],
    show: ShowProgress,
) -> dict[str, Any]:
    """Train every network and write its weights; return their entries on the card."""
    torch.manual_seed(options.seed)
    card: dict[str, Any] = {}
    recipe: Recipe | None = None
    for stage in plan.stages:
        recipe = stage.make(recipe)
        report(f"training the {stage.name} network")
        trainer = Trainer(
            recipe,
            clouds,
            _share_budget(options, stage.share),
            folder / stage.name,
            validation=validation,
            report=report,
            show=show,
        )
        outcome = trainer.run()
        trainer.load_average()
        path = folder / f"{stage.name}.safetensors"
        card[stage.name] = _write_network(recipe, outcome, path, plan) | {
            "precision": str(trainer.precision).removeprefix("torch.")
        }
    return card


def read_validation_clouds(shards: Path) -> CloudBatch | None:
    """Return some clouds of the val shards in a folder, None if there are none."""
    try:
        paths = find_shards(shards, split="val")
    except ShardFormatError:
        return None
    clouds = TrainingClouds(paths)
    chosen = np.random.default_rng(0).permutation(len(clouds))[:_VALIDATION_CLOUDS]
    return clouds.fetch(np.sort(chosen))


def _share_budget(options: FitOptions, share: float) -> TrainingOptions:
    return TrainingOptions(
        steps=options.steps and max(1, int(share * options.steps)),
        minutes=options.minutes and share * options.minutes,
        seed=options.seed,
        device=options.device,
        precision=options.precision,
    )


def _write_network(
    recipe: Recipe, outcome: TrainingOutcome, path: Path, plan: Plan
) -> dict[str, Any]:
    """Write a network's weights; return its entry on the card."""
    state = {
        name: value.cpu().to(plan.weights_dtype) if value.is_floating_point() else value.cpu()
        for name, value in recipe.network.state_dict().items()
    }
    fingerprint = write_weights(path, state, {"preset": plan.preset, "network": path.stem})
    return {
        "sha256": fingerprint,
        "parameters": sum(value.numel() for value in recipe.network.parameters()),
        "batch": recipe.batch_size,
        "draws": recipe.draws,
        **asdict(outcome),
    }


def _describe(
    plan: Plan, clouds: TrainingClouds, options: FitOptions, networks: dict[str, Any]
) -> dict[str, Any]:
    """Return the card: what was trained on what, for how long, and how well it did."""
    return {
        "estimator": plan.estimator,
        "preset": plan.preset,
        "genbench": version("genbench"),
        "torch": torch.__version__,
        "options": asdict(options),
        "networks": networks,
        "data": clouds.record.to_card(),
        "departures": list(plan.departures),
    }
