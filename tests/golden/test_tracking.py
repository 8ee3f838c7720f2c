"""Tracking metrics, pose errors and initial noise as recorded from the released GenPose code."""

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from benchmark.categories import CATEGORY_NAMES
from benchmark.evaluation.result import CategoryResult, summarise
from benchmark.evaluation.tracking import compute_tracking_metrics
from benchmark.geometry.perturbation import PoseNoise, perturb_poses
from benchmark.geometry.symmetry import (
    compute_rotation_error,
    compute_translation_error,
    find_symmetric,
)
from tests.golden.parity import Archives, Parity


def test_metrics_of_recorded_errors(golden: Path, parity: Parity) -> None:
    recorded = json.loads((golden / "tracking" / "get_metrics.json").read_text())
    errors = defaultdict(list)
    for model, values in recorded["errors"].items():
        errors[model.split("_")[0]] += values
    rows = []
    for name in CATEGORY_NAMES:
        metrics = compute_tracking_metrics(*np.array(errors[name]).T)
        rows.append(
            CategoryResult(
                category=name,
                instances=len(errors[name]),
                detections=len(errors[name]),
                matched=len(errors[name]),
                metrics=metrics,
            )
        )
    block = summarise(rows, protocol="tracking-genpose", version=1, options={}, frames=1)
    ours = {row.category: row.metrics for row in rows} | {"all": block.mean}
    for name, expected in recorded["metrics"].items():
        degree, cm = expected["mean_error"]
        known = {"5deg_5cm": 100 * expected["5d5cm_acc"], "mean_deg": degree, "mean_cm": cm}
        assert set(ours[name]) == set(known)
        for metric, value in known.items():
            parity(f"`get_metrics.json`: {metric}", ours[name][metric], value, rtol=1e-12)


def _read_pose9(pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    first, second, translation = np.split(pose.astype(np.float64), 3, axis=-1)
    return np.stack([first, second, np.cross(first, second)], axis=-1), translation


def _invert(rotation: np.ndarray, translation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    inverse = np.swapaxes(rotation, -1, -2)
    return inverse, -np.einsum("...ij,...j->...i", inverse, translation)


@pytest.mark.parametrize("object_to_camera", [True, False])
def test_pose_errors(archives: Archives, parity: Parity, object_to_camera: bool) -> None:
    recorded = archives("tracking/pose_metrics.npz")
    poses = [_read_pose9(recorded[f"{side}_pose9"]) for side in ("pred", "gt")]
    if not object_to_camera:
        poses = [_invert(*pose) for pose in poses]
    symmetric = find_symmetric(recorded["cat_id"] + 1, recorded["handle_visibility"])
    (rotation, translation), (true_rotation, true_translation) = poses
    cosine = np.cos(compute_rotation_error(rotation, true_rotation, symmetric))
    expected = np.cos(np.radians(recorded[f"rot_error_o2c_{object_to_camera}"]))
    parity("cosines of rotation errors (`rot_error_*`)", cosine, expected, atol=1e-6)
    cm = 100 * compute_translation_error(translation, true_translation)
    expected = recorded[f"trans_error_o2c_{object_to_camera}"]
    parity("centimetres (`trans_error_*`)", cm, expected, rtol=1e-6, atol=1e-4)


def test_initial_noise(archives: Archives, parity: Parity) -> None:
    recorded = archives("tracking/initial_noise.npz")
    noise = PoseNoise(
        angle=recorded["draw_angle"].astype(np.float64),
        quaternion=recorded["draw_quat"].astype(np.float64),
        shift=recorded["draw_shift"].astype(np.float64),
        direction=recorded["draw_dir"].astype(np.float64),
    )
    start = recorded["RT"].astype(np.float64)
    rotation, translation = perturb_poses(start[:, :3, :3], start[:, :3, 3], noise)
    expected = recorded["noisy_RT"]
    parity("perturbed rotations (`noisy_RT`)", rotation, expected[:, :3, :3], atol=2e-6)
    parity("perturbed translations (`noisy_RT`)", translation, expected[:, :3, 3], atol=2e-7)
