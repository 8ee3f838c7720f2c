"""Run folders of made-up scenes whose hypotheses err as a test wants them to."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.geometry.rotations import rotation_about_axis, rotation_about_y, sample_rotations
from benchmark.predictions import Estimates, Predictions, RunInfo, write_predictions
from benchmark.records import Detections, Frames, GroundTruth
from leaderboards.runs import Run, open_run

PER_FRAME = 6
SCALE = 0.2
Draw = Callable[[np.random.Generator, np.ndarray, int], np.ndarray]
"""Called with a generator, class ids (n,) and K; gives values (n, K)."""

FINGERPRINTS = {"detections": "d" * 64, "labels": "e" * 64, "frames": "f" * 64}


def zero(_: np.random.Generator, category: np.ndarray, count: int) -> np.ndarray:
    """Give no error at all."""
    return np.zeros((len(category), count))


def _make_frames(scenes: int, frames: int) -> Frames:
    count = scenes * frames
    scene = [f"Real/test/scene_{row // frames + 1}" for row in range(count)]
    return Frames(
        id=[f"{scene[row]}/{row % frames:04d}" for row in range(count)],
        scene=scene,
        number=np.arange(count) % frames,
        intrinsics=np.tile([500.0, 500.0, 320.0, 240.0], (count, 1)),
        image_size=np.tile([640, 480], (count, 1)),
    )


def _make_truth(generator: np.random.Generator, scenes: int, frames: int) -> GroundTruth:
    count = scenes * frames * PER_FRAME
    transform = np.tile(np.eye(4), (count, 1, 1))
    transform[:, :3, :3] = SCALE * sample_rotations(generator, count)
    transform[:, :3, 3] = generator.uniform([-0.3, -0.2, 0.5], [0.3, 0.2, 1.2], (count, 3))
    corner = np.tile(np.arange(PER_FRAME)[:, None] * 100, (scenes * frames, 2))
    place = np.arange(count)
    return GroundTruth(
        frame=place // PER_FRAME,
        category=place % PER_FRAME + 1,
        instance=[f"object_{row // (PER_FRAME * frames)}_{row % PER_FRAME}" for row in place],
        transform=transform,
        extents=generator.uniform(0.4, 0.8, (count, 3)),
        bbox=np.concatenate([corner, corner + 80], axis=1),
        handle_visible=place // PER_FRAME % 2,
        visible_pixels=generator.integers(200, 5000, count),
    )


def _turn(
    generator: np.random.Generator, truth: GroundTruth, degree: np.ndarray, yaw: np.ndarray
) -> np.ndarray:
    """Return rotations (n, K, 3, 3): tilted about one axis across y each, and turned about y."""
    angle = generator.uniform(0, 2 * np.pi, len(truth))
    across = np.stack([np.cos(angle), np.zeros(len(truth)), np.sin(angle)], axis=1)[:, None]
    tilt = rotation_about_axis(np.broadcast_to(across, (*degree.shape, 3)), np.radians(degree))
    rotation = truth.transform[:, None, :3, :3] / SCALE
    return np.asarray(rotation @ tilt @ rotation_about_y(np.radians(yaw)))


def build_predictions(
    *,
    degree: Draw = zero,
    cm: Draw = zero,
    yaw: Draw = zero,
    energy: Callable[[np.random.Generator, np.ndarray], np.ndarray] | None = None,
    hypotheses: int | None = 10,
    scenes: int = 6,
    frames: int = 4,
    seed: int = 0,
    **info: Any,
) -> Predictions:
    """Make one object of each category a frame, each detected once.

    Args:
        degree: signed tilt of each hypothesis about an axis of its object's own.
        cm: signed shift along one direction.
        yaw: turn about the object's y axis in degrees.
        energy: gives energies (n, K) from absolute errors (n, K); minus the error if not given.
        hypotheses: K; None for a method with one answer.
        scenes, frames: number of scenes, and of frames in each.
        seed: of errors and energies; truth and detections are always the same.
        info: fields of `RunInfo`.
    """
    truth = _make_truth(np.random.default_rng(0), scenes, frames)
    generator = np.random.default_rng([seed, 1])
    draws = {"degree": degree, "cm": cm, "yaw": yaw}
    drawn = {k: draw(generator, truth.category, hypotheses or 1) for k, draw in draws.items()}
    poses = np.zeros((len(truth), hypotheses or 1, 3, 4))
    poses[..., :3] = _turn(np.random.default_rng(7), truth, drawn["degree"], drawn["yaw"])
    poses[..., 3] = truth.transform[:, None, :3, 3] + [0, 0, 0.01] * drawn["cm"][..., None]
    give = energy or (lambda _, error: -error)
    energies = np.stack([give(generator, np.abs(drawn[k])) for k in ("degree", "cm")], axis=-1)
    estimate = np.tile(np.eye(4), (len(truth), 1, 1))
    estimate[:, :3] = poses[:, 0]
    fields: dict[str, Any] = {
        "estimator": "genpose",
        "dataset": "synth6",
        "split": "test",
        "label_set": "spd",
        "fingerprints": FINGERPRINTS,
        "configuration": {"hypotheses": hypotheses, "keep": 0.6},
    }
    return Predictions(
        info=RunInfo(**(fields | info)),
        frames=_make_frames(scenes, frames),
        ground_truth=truth,
        detections=Detections(
            frame=truth.frame,
            category=truth.category,
            bbox=truth.bbox.copy(),
            confidence=np.random.default_rng(3).random(len(truth)),
        ),
        estimates=Estimates(
            estimated=np.ones(len(truth)),
            transform=estimate,
            extents=np.full((len(truth), 3), np.nan),
        ),
        hypotheses=poses.astype(np.float32) if hypotheses else None,
        energies=energies.astype(np.float32) if hypotheses else None,
    )


def write_run(folder: Path, **options: Any) -> Run:
    """Write the predictions of `build_predictions` into a folder and open it."""
    write_predictions(folder / "predictions.h5", build_predictions(**options))
    return open_run(folder)


@pytest.fixture(scope="session")
def make_run_at() -> Callable[..., Run]:
    """Return a function that writes predictions into a given folder and opens it."""
    return write_run


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Run]:
    """Return a function that writes predictions into a folder of the given name and opens it."""

    def make(name: str = "run", **options: Any) -> Run:
        return write_run(tmp_path / name, **options)

    return make
