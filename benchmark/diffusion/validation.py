"""Accuracy of a model while it is trained."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.aggregation import pool_ranked
from benchmark.categories import CATEGORIES
from benchmark.diffusion.denoiser import PoseModel, bind
from benchmark.diffusion.pose_vector import POSE_SIZE, orthonormalise
from benchmark.diffusion.samplers.heun import sample_heun
from benchmark.geometry.symmetry import (
    compute_rotation_error,
    compute_translation_error,
    find_symmetric,
)
from benchmark.training.clouds import CloudBatch


def measure_accuracy(
    model: PoseModel[Any], clouds: CloudBatch, sigmas: Tensor, *, hypotheses: int = 10
) -> dict[str, float]:
    """Return the share in percent of clouds whose pooled pose is within the usual thresholds.

    Cheaper than a run: few hypotheses, few steps, and the clouds of training shards.

    Args:
        model: the networks.
        clouds: clouds that are not trained on.
        sigmas: noise levels for Heun's method, on the model's device.
        hypotheses: K.
    """
    generator = torch.Generator().manual_seed(0)
    device = sigmas.device
    rotation, translation = [], []
    with torch.no_grad():
        for points in torch.split(torch.from_numpy(clouds.points), 64):
            features = model.encode(points.to(device))
            start = torch.randn((len(points), hypotheses, POSE_SIZE), generator=generator)
            noisy = sigmas[0] * start.to(device)
            poses = orthonormalise(sample_heun(bind(model, features), noisy, sigmas))
            energies = model.compute_energies(features, poses)
            turned, moved = model.restore_poses(features, poses)
            ranked = None if energies is None else energies.cpu().numpy()
            pooled = pool_ranked(turned.cpu().numpy(), moved.cpu().numpy(), ranked)
            rotation.append(pooled[0])
            translation.append(pooled[1])
    return summarise_poses(np.concatenate(rotation), np.concatenate(translation), clouds)


def summarise_poses(
    rotation: np.ndarray, translation: np.ndarray, clouds: CloudBatch
) -> dict[str, float]:
    """Return the accuracies of estimated poses (B, 3, 3), (B, 3) of some clouds."""
    symmetric = find_symmetric(clouds.category, clouds.handle_visible)
    turn = np.rad2deg(compute_rotation_error(rotation, clouds.rotation, symmetric))
    shift = 100 * compute_translation_error(translation, clouds.translation)
    return summarise_errors(turn, shift, clouds.category)


def summarise_errors(
    turn_deg: np.ndarray, shift_cm: np.ndarray, category: np.ndarray
) -> dict[str, float]:
    """Return accuracies in percent over all objects, and 5deg_2cm of each category."""
    strict, loose = (turn_deg <= 5) & (shift_cm <= 2), (turn_deg <= 10) & (shift_cm <= 5)
    shares = {"5deg_2cm": 100 * float(strict.mean()), "10deg_5cm": 100 * float(loose.mean())}
    for entry in CATEGORIES:
        if (chosen := category == entry.id).any():
            shares[entry.name] = 100 * float(strict[chosen].mean())
    return shares
