"""Train the `paper` preset in minutes on one core, as far as that goes; docs/sampling.md says why.

    python tests/performance/train_paper.py SHARDS --out FOLDER [--coarse 400] [--full 100] ...

The released recipe sees 60,000 clouds 1,900 times. Here the encoder learns in one pass over some
ten thousand clouds, most of them with a quarter of the centres at each level, which costs a quarter
and trains the same weights. Then it is frozen, the features of some clouds are kept, and the heads
of score and energy network, which are cheap, train on those for thousands of steps. What departs
from the released recipe is on the card. FOLDER is a weights set for `genbench run --preset paper
--weights FOLDER`; the same command continues an interrupted training.
"""

import argparse
import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.diffusion.fitting import Plan, _describe, _write_network, read_validation_clouds
from benchmark.diffusion.paper import SCHEDULE, EnergyNetwork, PoseNetwork, ScoreNetwork
from benchmark.diffusion.paper_recipes import PAPER_PLAN, PaperRecipe
from benchmark.diffusion.pose_vector import POSE_SIZE, to_pose_vector
from benchmark.memory import keep_freed_memory
from benchmark.networks.pointnet2 import LEVELS
from benchmark.replacing import replacing
from benchmark.shards import find_shards
from benchmark.training.clouds import CloudBatch, TrainingClouds
from benchmark.training.loop import Prepared, Trainer, TrainingOptions, TrainingOutcome
from benchmark.training.options import FitOptions
from benchmark.training.precision import choose_precision

LATEST = 0.6
DEPARTURES = (
    "a budget of minutes on one core instead of 1,900 epochs: see the steps of each stage",
    f"noise at times up to {LATEST} only: sampling starts at T0 = 0.55, never later",
    "the encoder is trained mostly with a quarter of the centres at each level",
    "then frozen: the heads are trained on features that it gave some of the clouds",
    "the energy network starts from the score network and shares its frozen encoder",
    "batches of 32 clouds with 64 draws for the encoder, of 128 with 16 for the heads",
    "no augmentation: the encoder sees hardly any cloud twice",
    "half a cosine of the learning rate instead of a decay by the epoch",
)


@dataclass(kw_only=True)
class ShortRecipe(PaperRecipe):
    """End-to-end training of the score network in few steps.

    Attributes:
        shrink: by how much the number of centres at each level is divided.
        peak_rate, warm_up: of the learning rate.
    """

    batch_size: int = 32
    draws: int = 64
    average_decay: float = 0.98
    shrink: int = 1
    peak_rate: float = 1e-3
    warm_up: int = 30

    def __post_init__(self) -> None:
        levels = zip(self.network.pts_encoder.SA_modules, LEVELS, strict=True)
        for level, (centres, _) in levels:
            level.centres = max(1, centres // self.shrink)

    def prepare(self, clouds: CloudBatch, rng: np.random.Generator) -> Prepared:
        """Return the clouds as they are, with poses, times up to `LATEST`, and noise."""
        return {"points": torch.from_numpy(clouds.points)} | self.draw_noise(clouds, rng)

    def draw_noise(self, clouds: CloudBatch, rng: np.random.Generator) -> Prepared:
        """Return poses relative to the clouds' means, and times and noise of each draw."""
        offset = clouds.translation - clouds.points.mean(axis=1)
        rotation = torch.from_numpy(clouds.rotation)
        shape = (len(offset), self.draws)
        times = rng.uniform(SCHEDULE.eps, LATEST, shape).astype(np.float32)
        noise = rng.standard_normal((*shape, POSE_SIZE), dtype=np.float32)
        return {
            "clean": to_pose_vector(rotation, torch.from_numpy(offset))[:, None],
            "t": torch.from_numpy(times),
            "noise": torch.from_numpy(noise),
        }

    def get_learning_rate(self, step: int, steps: int) -> float:
        """Return the rate: a warm-up, then half a cosine down to a hundredth."""
        falling = 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps)))
        return self.peak_rate * min(1.0, (step + 1) / self.warm_up) * (0.01 + 0.99 * falling)


@dataclass(frozen=True, kw_only=True)
class EncodedBatch(CloudBatch):
    """Clouds of which only the mean is left, as a single point, and what the encoder gave them.

    Attributes:
        features: (B, 1024) float32.
    """

    features: np.ndarray


class EncodedClouds(TrainingClouds):
    """Some training clouds behind a frozen encoder; their features are kept in a folder."""

    _PART = 250

    def __init__(self, paths: list[Path], network: PoseNetwork, folder: Path, count: int) -> None:
        super().__init__(paths)
        folder.mkdir(parents=True, exist_ok=True)
        self.rows = np.random.default_rng(0).permutation(len(self))[:count]
        parts = np.split(self.rows, range(self._PART, count, self._PART))
        found = [self._encode(network, rows, folder / f"{i}.npy") for i, rows in enumerate(parts)]
        self.batch = super().fetch(self.rows)
        means = self.batch.points.mean(axis=1, keepdims=True)
        self.batch = replace(self.batch, points=means)
        self.features = np.concatenate(found)

    def _encode(self, network: PoseNetwork, rows: np.ndarray, path: Path) -> np.ndarray:
        if not path.exists():
            points = torch.from_numpy(super().fetch(rows).points)
            half = choose_precision("auto", points.device)
            with torch.inference_mode(), torch.autocast("cpu", half, enabled=half != points.dtype):
                features = network.pts_encoder(points)
            with replacing(path) as temporary, temporary.open("wb") as file:
                np.save(file, features.float().numpy())
            print(f"encoded {path.stem}", flush=True)
        return np.load(path)

    def draw(self, count: int, real_share: float, rng: np.random.Generator) -> np.ndarray:  # noqa: ARG002
        """Draw among the encoded clouds; their share of real ones is as it is."""
        return rng.integers(len(self.rows), size=count)

    def fetch(self, rows: np.ndarray) -> EncodedBatch:
        """Return some of the encoded clouds."""
        names = ("points", "rotation", "translation", "size", "category", "handle_visible")
        labels = {name: getattr(self.batch, name)[rows] for name in names}
        return EncodedBatch(**labels, features=self.features[rows])


@dataclass(kw_only=True)
class HeadsRecipe(ShortRecipe):
    """Training of a network's heads on features of a frozen encoder."""

    batch_size: int = 128
    draws: int = 16
    average_decay: float = 0.999

    def __post_init__(self) -> None:
        super().__post_init__()
        self.network.pts_encoder.eval().requires_grad_(False)

    def prepare(self, clouds: CloudBatch, rng: np.random.Generator) -> Prepared:
        """Return features, poses, times and noise."""
        if not isinstance(clouds, EncodedBatch):
            raise TypeError(f"expected encoded clouds, got {type(clouds).__name__}")
        return {"features": torch.from_numpy(clouds.features)} | self.draw_noise(clouds, rng)

    def compute_loss(self, prepared: Prepared) -> Tensor:
        """Return the mean loss over clouds and draws."""
        with torch.autocast("cpu", enabled=False):
            condition = self.network.pose_score_net.condition(prepared["features"])
        return self.compute_loss_given(condition, prepared)


@dataclass(frozen=True, kw_only=True)
class Run:
    """What the stages share."""

    paths: list[Path]
    folder: Path
    seed: int

    def train(
        self, name: str, recipe: ShortRecipe, steps: int, clouds: TrainingClouds
    ) -> TrainingOutcome:
        """Train a recipe in a folder of its own; leave the averaged weights in the network."""
        options = TrainingOptions(steps=steps, seed=self.seed, save_every=10**9, log_every=20)
        trainer = Trainer(recipe, clouds, options, self.folder / name)
        outcome = trainer.run()
        trainer.load_average()
        print(f"{name}: {outcome}", flush=True)
        return outcome


def train(run: Run, steps: argparse.Namespace) -> dict[str, Any]:
    """Train both networks and write their weights; return their entries on the card."""
    torch.manual_seed(run.seed)
    clouds = TrainingClouds(run.paths)
    score = ScoreNetwork()
    run.train("coarse", ShortRecipe(network=score, shrink=4), steps.coarse, clouds)
    fine = ShortRecipe(network=score, peak_rate=5e-4)
    run.train("full", fine, steps.full, clouds)
    encoded = EncodedClouds(
        run.paths, score.eval(), run.folder / f"features-{steps.coarse}-{steps.full}", steps.clouds
    )
    energy = EnergyNetwork()
    networks: dict[str, Any] = {}
    for name, network in (("score", score), ("energy", energy)):
        if network is energy:
            energy.load_state_dict(score.state_dict())
        network.train()
        recipe = HeadsRecipe(network=network)
        outcome = run.train(name, recipe, getattr(steps, name), encoded)
        path = run.folder / f"{name}.safetensors"
        networks[name] = _write_network(recipe, outcome, path, PAPER_PLAN)
        networks[name]["stages"] = {
            "coarse": steps.coarse,
            "full": steps.full,
            "clouds": steps.clouds,
            "heads": getattr(steps, name),
        }
        network.eval()
    validation = read_validation_clouds(run.paths[0].parent)
    if validation is not None:
        checked = replace(recipe, score=score)
        networks["energy"]["accuracy"] = checked.validate(validation)
        print(networks["energy"]["accuracy"])
    return networks


def main() -> None:
    """Train, and write the card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shards", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--coarse", type=int, default=600, help="steps with a quarter of centres")
    parser.add_argument("--full", type=int, default=120, help="steps with all of them")
    parser.add_argument("--clouds", type=int, default=5000, help="that the heads are trained on")
    parser.add_argument("--score", type=int, default=2500, help="steps of the score's heads")
    parser.add_argument("--energy", type=int, default=1400, help="steps of the energy's heads")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    keep_freed_memory()
    paths = find_shards(arguments.shards, split="train")
    run = Run(paths=paths, folder=arguments.out, seed=arguments.seed)
    networks = train(run, arguments)
    options = FitOptions(preset="paper", steps=arguments.score, seed=arguments.seed)
    plan: Plan = replace(PAPER_PLAN, departures=DEPARTURES)
    card = _describe(plan, TrainingClouds(paths), options, networks)
    with replacing(arguments.out / "card.json") as temporary:
        temporary.write_text(f"{json.dumps(card, indent=2)}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
