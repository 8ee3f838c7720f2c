"""Training of the `compact` preset: score, then energy, then weights with their card."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmark.columns import replacing
from benchmark.diffusion.checkpoints import write_weights
from benchmark.diffusion.compact import CompactEnergy, CompactScore
from benchmark.diffusion.compact_recipes import CompactEnergyRecipe, CompactScoreRecipe
from benchmark.errors import ShardFormatError
from benchmark.shards import find_shards
from benchmark.training.clouds import CloudBatch, TrainingClouds
from benchmark.training.loop import Recipe, Trainer, TrainingOptions, TrainingOutcome
from benchmark.training.options import FitOptions

_VALIDATION_CLOUDS = 600
# The energy starts from the score's weights and trains a head only: it converges sooner.
_BUDGET_SHARE = {"score": 1.0, "energy": 0.4}
DEPARTURES = (
    "a denoiser with Karras' preconditioning instead of a raw score divided by sigma",
    "translation in decimetres relative to the cloud's mean; noise from 0.003 to 3",
    "clouds are turned so that the line of sight is z, besides being centred",
    "a patch encoder with self-attention instead of PointNet++",
    "one residual head instead of three; LayerNorm instead of BatchNorm",
    "the energy is -|p - D(p)|^2 / (2 sigma^2) on the score's frozen encoder instead of <p, s>",
    "60 % of the training clouds are noisy ones instead of 25 %",
    "mirrored, partly hidden and noisier views as augmentation",
)


def fit_compact(
    shards: Path, folder: Path, options: FitOptions, report: Callable[[str], None]
) -> None:
    """Train score and energy on the training shards of a folder.

    Args:
        shards: folder of shards; those of split val, if any, measure accuracy on the way.
        folder: receives `score.safetensors`, `energy.safetensors`, `card.json` and the state of
            both trainings, from which the same call continues.
        options: budget, seed, hold-out.
        report: receives lines about the progress.
    """
    clouds = TrainingClouds(find_shards(shards, split="train"), holdout=options.holdout)
    validation = read_validation_clouds(shards)
    report(f"training on {len(clouds)} clouds of {len(clouds.instances)} instances")
    torch.manual_seed(options.seed)
    score, energy = CompactScore(), CompactEnergy()
    outcomes = {}
    for name in ("score", "energy"):
        recipe: Recipe = (
            CompactScoreRecipe(network=score)
            if name == "score"
            else CompactEnergyRecipe(score=score, network=energy)
        )
        outcomes[name] = _train(recipe, clouds, validation, folder / name, options, report)
    fingerprints = {
        name: write_weights(folder / f"{name}.safetensors", _halve(network), {"network": name})
        for name, network in (("score", score), ("energy", energy))
    }
    card = _describe(clouds, options, outcomes, {"score": score, "energy": energy}, fingerprints)
    with replacing(folder / "card.json") as temporary:
        temporary.write_text(json.dumps(card, indent=2) + "\n")


def read_validation_clouds(shards: Path) -> CloudBatch | None:
    """Return some clouds of the val shards in a folder, None if there are none."""
    try:
        paths = find_shards(shards, split="val")
    except ShardFormatError:
        return None
    clouds = TrainingClouds(paths)
    chosen = np.random.default_rng(0).permutation(len(clouds))[:_VALIDATION_CLOUDS]
    return clouds.fetch(np.sort(chosen))


def _train(
    recipe: Recipe,
    clouds: TrainingClouds,
    validation: CloudBatch | None,
    folder: Path,
    options: FitOptions,
    report: Callable[[str], None],
) -> TrainingOutcome:
    share = _BUDGET_SHARE[folder.name]
    limits = TrainingOptions(
        steps=options.steps and max(1, int(share * options.steps)),
        minutes=options.minutes and share * options.minutes,
        seed=options.seed,
        device=options.device,
    )
    trainer = Trainer(recipe, clouds, limits, folder, validation=validation, report=report)
    outcome = trainer.run()
    trainer.load_average()
    return outcome


def _halve(network: nn.Module) -> dict[str, torch.Tensor]:
    """Return the weights in half precision, which halves the files and changes no accuracy."""
    return {name: value.cpu().half() for name, value in network.state_dict().items()}


def _describe(
    clouds: TrainingClouds,
    options: FitOptions,
    outcomes: dict[str, TrainingOutcome],
    networks: dict[str, nn.Module],
    fingerprints: dict[str, str],
) -> dict[str, Any]:
    """Return the card: what was trained on what, for how long, and how well it did."""
    instances = "\n".join(clouds.instances).encode()
    return {
        "estimator": "genpose",
        "preset": "compact",
        "genbench": version("genbench"),
        "torch": torch.__version__,
        "options": asdict(options),
        "networks": {
            name: {
                "sha256": fingerprints[name],
                "parameters": sum(value.numel() for value in network.parameters()),
                "batch": CompactScoreRecipe.batch_size,
                "draws": CompactScoreRecipe.draws,
                **asdict(outcomes[name]),
            }
            for name, network in networks.items()
        },
        "data": {
            "objects": len(clouds),
            "categories": list(clouds.categories),
            "instances": len(clouds.instances),
            "instances_sha256": hashlib.sha256(instances).hexdigest(),
            "shards": clouds.fingerprints,
        },
        "departures": list(DEPARTURES),
    }
