"""How the twin is trained: as GenPose's compact preset, batch for batch, but for the loss."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from baselines.regression.network import PoseRegressor, compute_pose_loss
from benchmark.diffusion.compact import GroupedClouds
from benchmark.diffusion.compact_recipes import CompactRecipe, prepare_views
from benchmark.diffusion.fitting import Plan, Stage
from benchmark.diffusion.validation import summarise_poses
from benchmark.geometry.symmetry import find_symmetric
from benchmark.training.clouds import CloudBatch
from benchmark.training.recipe import Prepared, Recipe

Symmetry = Literal["handled", "ignored"]
SYMMETRIES: tuple[Symmetry, ...] = ("handled", "ignored")

_VALIDATION_BATCH = 64


@dataclass(kw_only=True)
class RegressionRecipe(CompactRecipe):
    """Regression of the annotated pose.

    Attributes:
        symmetry: "handled" asks rotationally symmetric objects for their axis alone; "ignored"
            asks every object for the annotated rotation.
    """

    symmetry: Symmetry
    network: PoseRegressor = field(default_factory=PoseRegressor)
    draws: int = 1

    def prepare(self, clouds: CloudBatch, rng: np.random.Generator) -> Prepared:
        """Return the views that GenPose trains on, and which of them only have an axis."""
        symmetric = find_symmetric(clouds.category, clouds.handle_visible)
        axis_only = torch.from_numpy(symmetric & (self.symmetry == "handled"))
        return prepare_views(clouds, rng) | {"axis_only": axis_only}

    def compute_loss(self, prepared: Prepared) -> Tensor:
        """Return the mean loss over clouds."""
        predicted = self.network(GroupedClouds.from_tensors(prepared)).float()
        target = prepared["clean"].squeeze(1)
        return compute_pose_loss(predicted, target, prepared["axis_only"]).mean()

    def validate(self, clouds: CloudBatch) -> dict[str, float]:
        """Return accuracies of the regressed poses."""
        device = next(self.network.parameters()).device
        points = torch.split(torch.from_numpy(clouds.points).to(device), _VALIDATION_BATCH)
        poses = [regress_poses(self.network, part) for part in points]
        rotation, translation = (
            torch.cat(values).cpu().numpy() for values in zip(*poses, strict=True)
        )
        return summarise_poses(rotation, translation, clouds)


@torch.no_grad()
def regress_poses(network: PoseRegressor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Return object-to-camera rotations (B, 3, 3), translations (B, 3) of clouds (B, N, 3)."""
    clouds = GroupedClouds.build(points)
    rotation, translation = clouds.frame.restore_poses(network(clouds)[:, None])
    return rotation.squeeze(1), translation.squeeze(1)


def make_plan(symmetry: Symmetry) -> Plan:
    """Return how the twin is trained, with or without regard to symmetry."""

    def make(_: Recipe | None) -> Recipe:
        return RegressionRecipe(symmetry=symmetry)

    return Plan(
        estimator="regression",
        preset=symmetry,
        stages=(Stage(name="regressor", make=make),),
        weights_dtype=torch.float16,
    )


PLANS: dict[str, Plan] = {symmetry: make_plan(symmetry) for symmetry in SYMMETRIES}
