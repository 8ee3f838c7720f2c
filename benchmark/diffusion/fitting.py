"""Training of a preset's two networks: score, then energy, then weights with their card."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmark.columns import replacing
from benchmark.diffusion.checkpoints import write_weights
from benchmark.errors import ShardFormatError
from benchmark.progress import ShowProgress
from benchmark.shards import find_shards
from benchmark.training.clouds import CloudBatch, TrainingClouds
from benchmark.training.loop import (
    Recipe,
    Trainer,
    TrainingOptions,
    TrainingOutcome,
)
from benchmark.training.options import FitOptions

_VALIDATION_CLOUDS = 600


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How the networks of a preset are trained.

    Attributes:
        preset: its name.
        make_score: returns the score network's recipe.
        make_energy: returns the energy network's recipe, given that of the trained score network.
        energy_share: budget of the energy network as a share of the score network's.
        weights_dtype: precision of the weights files.
        departures: sentences for the card: where the preset departs from the paper.
    """

    preset: str
    make_score: Callable[[], Recipe]
    make_energy: Callable[[Recipe], Recipe]
    energy_share: float
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
    """Train score and energy on the training shards of a folder.

    Args:
        plan: what to train.
        shards: folder of shards; those of split val, if any, measure accuracy on the way.
        folder: receives `score.safetensors`, `energy.safetensors`, `card.json` and the state of
            both trainings, from which the same call continues.
        options: budget, seed, hold-out.
        report: receives lines about what is done and how accurate it is.
        show: displays progress.
    """
    clouds = TrainingClouds(find_shards(shards, split="train"), holdout=options.holdout)
    validation = read_validation_clouds(shards)
    report(f"training on {len(clouds)} clouds of {len(clouds.instances)} instances")
    torch.manual_seed(options.seed)
    card: dict[str, Any] = {}
    score = plan.make_score()
    for name, share in (("score", 1.0), ("energy", plan.energy_share)):
        recipe = score if name == "score" else plan.make_energy(score)
        report(f"training the {name} network")
        limits = _share_budget(options, share)
        trainer = Trainer(
            recipe,
            clouds,
            limits,
            folder / name,
            validation=validation,
            report=report,
            show=show,
        )
        outcome = trainer.run()
        trainer.load_average()
        card[name] = _write_network(recipe, outcome, folder / f"{name}.safetensors", plan)
    with replacing(folder / "card.json") as temporary:
        temporary.write_text(json.dumps(_describe(plan, clouds, options, card), indent=2) + "\n")


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
    instances = "\n".join(clouds.instances).encode()
    return {
        "estimator": "genpose",
        "preset": plan.preset,
        "genbench": version("genbench"),
        "torch": torch.__version__,
        "options": asdict(options),
        "networks": networks,
        "data": {
            "objects": len(clouds),
            "categories": list(clouds.categories),
            "instances": len(clouds.instances),
            "instances_sha256": hashlib.sha256(instances).hexdigest(),
            "shards": clouds.fingerprints,
        },
        "departures": list(plan.departures),
    }
