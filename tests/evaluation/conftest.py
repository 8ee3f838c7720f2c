"""Predictions of made-up scenes, right or wrong by a known amount."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmark.geometry.rotations import rotation_about_axis, sample_rotations
from benchmark.predictions import Estimates, Predictions, RunInfo
from benchmark.records import Detections, Frames, GroundTruth

PER_FRAME = 6
SCALE = 0.2


def _make_frames(count: int) -> Frames:
    return Frames(
        id=[f"Real/test/scene_{row % 2 + 1}/{row // 2:04d}" for row in range(count)],
        scene=[f"Real/test/scene_{row % 2 + 1}" for row in range(count)],
        number=np.arange(count) // 2,
        intrinsics=np.ones((count, 4)),
        image_size=np.tile([640, 480], (count, 1)),
    )


def _make_truth(generator: np.random.Generator, frames: int) -> GroundTruth:
    count = frames * PER_FRAME
    transform = np.tile(np.eye(4), (count, 1, 1))
    transform[:, :3, :3] = SCALE * sample_rotations(generator, count)
    transform[:, :3, 3] = generator.uniform([-0.3, -0.2, 0.7], [0.3, 0.2, 1.2], (count, 3))
    corner = np.tile(np.arange(PER_FRAME)[:, None] * 100, (frames, 2))
    return GroundTruth(
        frame=np.repeat(np.arange(frames), PER_FRAME),
        category=np.tile(np.arange(1, 7), frames),
        instance=[f"object_{row % PER_FRAME}" for row in range(count)],
        transform=transform,
        extents=generator.uniform(0.4, 0.8, (count, 3)),
        bbox=np.concatenate([corner, corner + 80], axis=1),
        handle_visible=generator.integers(0, 2, count),
        visible_pixels=np.full(count, 500),
    )


def _shift(
    generator: np.random.Generator, poses: np.ndarray, degree: np.ndarray, cm: np.ndarray
) -> np.ndarray:
    """Return poses (..., 4, 4) turned and moved in random directions by given amounts."""
    shape = poses.shape[:-2]
    turn = rotation_about_axis(generator.standard_normal((*shape, 3)), np.radians(degree))
    direction = generator.standard_normal((*shape, 3))
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    moved = poses.copy()
    moved[..., :3, :3] = turn @ poses[..., :3, :3]
    moved[..., :3, 3] += direction * np.asarray(cm)[..., None] / 100.0
    return moved


def make_predictions(
    frames: int = 20,
    *,
    degree: float = 0.0,
    cm: float = 0.0,
    hypotheses: int | None = None,
    sizes: bool = True,
    seed: int = 0,
) -> Predictions:
    """Make one object of each category a frame, each detected once and estimated with errors.

    Args:
        frames: number of frames, in two scenes.
        degree, cm: errors are drawn uniformly from zero to twice this.
        hypotheses: K around the truth, with random energies; None for a single estimate.
        sizes: whether the method predicts (the right) sizes.
        seed: of everything.
    """
    generator = np.random.default_rng(seed)
    truth = _make_truth(generator, frames)
    count = len(truth)

    def draw(*shape: int) -> tuple[np.ndarray, np.ndarray]:
        return 2 * degree * generator.random(shape), 2 * cm * generator.random(shape)

    estimate = _shift(generator, truth.transform, *draw(count))
    parts: dict[str, Any] = {}
    if hypotheses is not None:
        around = np.repeat(truth.transform[:, None], hypotheses, axis=1)
        poses = _shift(generator, around, *draw(count, hypotheses))[..., :3, :]
        poses[..., :3] /= SCALE
        parts["hypotheses"] = poses
        parts["energies"] = generator.standard_normal((count, hypotheses, 2))
    return Predictions(
        info=RunInfo(estimator="made-up", dataset="synth", split="test", label_set="spd"),
        frames=_make_frames(frames),
        ground_truth=truth,
        detections=Detections(
            frame=truth.frame,
            category=truth.category,
            bbox=truth.bbox.copy(),
            confidence=generator.random(count),
        ),
        estimates=Estimates(
            estimated=np.ones(count),
            transform=estimate,
            extents=truth.extents.copy() if sizes else np.full((count, 3), np.nan),
        ),
        **parts,
    )


@pytest.fixture
def make() -> Callable[..., Predictions]:
    """Return the function that makes predictions."""
    return make_predictions
