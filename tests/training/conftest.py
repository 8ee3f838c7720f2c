"""A folder of tiny training shards, and a recipe that trains in milliseconds."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmark.records import Detections, Frames, GroundTruth
from benchmark.shards import POINTS_PER_CLOUD, Objects, Shard, ShardInfo, write_shard
from benchmark.training.clouds import CloudBatch
from benchmark.training.recipe import Prepared


def make_training_shard(source: str, seed: int, objects: int = 12) -> Shard:
    """Return a shard of objects whose cloud lies around their translation."""
    rng = np.random.default_rng(seed)
    transform = np.tile(np.eye(4), (objects, 1, 1))
    transform[:, :3, 3] = rng.uniform([-0.3, -0.3, 0.5], [0.3, 0.3, 1.0], (objects, 3))
    rows = np.arange(objects)
    category = rows % 6 + 1
    return Shard(
        info=ShardInfo(dataset="test", source=source, split="train", label_set="test"),
        frames=Frames(
            id=[f"{source}/{seed}/{row}" for row in rows],
            scene=["s"] * objects,
            number=rows,
            intrinsics=np.ones((objects, 4)),
            image_size=np.ones((objects, 2)),
        ),
        ground_truth=GroundTruth(
            frame=rows,
            category=category,
            instance=[f"{source}_{seed}_{row}" for row in rows],
            transform=transform,
            extents=np.full((objects, 3), 0.2),
            bbox=np.zeros((objects, 4)),
            handle_visible=np.ones(objects),
            visible_pixels=np.full(objects, 100),
        ),
        detections=Detections.empty(),
        objects=Objects(
            points=rng.normal(scale=0.03, size=(objects, POINTS_PER_CLOUD, 3))
            + transform[:, None, :3, 3],
            frame=rows,
            detection=np.full(objects, -1),
            ground_truth=rows,
            category=category,
            valid_pixels=np.full(objects, 2000),
        ),
    )


@pytest.fixture
def shards(tmp_path: Path) -> list[Path]:
    """Write one shard of each source; return their paths."""
    paths = []
    for seed, source in enumerate(("camera", "real")):
        paths.append(tmp_path / "shards" / f"train-{source}-00000.h5")
        write_shard(paths[-1], make_training_shard(source, seed))
    return paths


@dataclass(kw_only=True)
class LinearRecipe:
    """Learns the translation of a cloud from its mean: the answer is the identity."""

    network: nn.Module = field(default_factory=lambda: nn.Linear(3, 3))
    batch_size: int = 32
    draws: int = 1
    real_share: float = 0.5
    average_decay: float = 0.9

    def prepare(self, clouds: CloudBatch, rng: np.random.Generator) -> Prepared:
        """Return noisy means and translations."""
        mean = clouds.points.mean(axis=1) + rng.normal(0, 0.01, (len(clouds.points), 3))
        return {
            "mean": torch.from_numpy(mean.astype(np.float32)),
            "translation": torch.from_numpy(clouds.translation),
        }

    def compute_loss(self, prepared: Prepared) -> Tensor:
        """Return the mean squared error."""
        loss: Tensor = (self.network(prepared["mean"]) - prepared["translation"]).square().mean()
        return loss

    def make_optimiser(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.network.parameters())

    def get_learning_rate(self, step: int, steps: int) -> float:
        """Return a falling rate."""
        return 0.02 * (1 - step / steps)

    def validate(self, clouds: CloudBatch) -> dict[str, float]:
        """Return the error on other clouds."""
        with torch.no_grad():
            guess = self.network(torch.from_numpy(clouds.points.mean(axis=1)))
        return {"error": float((guess - torch.from_numpy(clouds.translation)).abs().mean())}


@pytest.fixture
def make_recipe() -> Callable[[], LinearRecipe]:
    """Return a function that makes the same untrained recipe every time."""

    def make() -> LinearRecipe:
        torch.manual_seed(0)
        return LinearRecipe()

    return make
