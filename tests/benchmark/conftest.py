"""Small shards and predictions to write, damage and read back."""

from collections.abc import Callable

import numpy as np
import pytest

from benchmark.predictions import Estimates, Predictions, RunInfo
from benchmark.records import Detections, Frames, GroundTruth
from benchmark.shards import POINTS_PER_CLOUD, Objects, Quarantine, Shard, ShardInfo


def _make_frames(count: int, scene: str) -> Frames:
    return Frames(
        id=[f"Real/test/{scene}/{number:04d}" for number in range(count)],
        scene=[f"Real/test/{scene}"] * count,
        number=np.arange(count),
        intrinsics=np.tile([591.0125, 590.16775, 322.525, 244.11084], (count, 1)),
        image_size=np.tile([640, 480], (count, 1)),
    )


def _make_detections(frame: np.ndarray) -> Detections:
    return Detections(
        frame=frame,
        category=frame % 6 + 1,
        bbox=np.tile([10, 20, 110, 140], (len(frame), 1)),
        confidence=np.linspace(0.5, 1.0, len(frame)),
    )


def _make_ground_truth(frame: np.ndarray, generator: np.random.Generator) -> GroundTruth:
    transform = np.tile(np.eye(4), (len(frame), 1, 1))
    transform[:, :3, :3] *= 0.2
    transform[:, :3, 3] = generator.normal(size=(len(frame), 3))
    return GroundTruth(
        frame=frame,
        category=frame % 6 + 1,
        instance=["mug_äöü_norm"] * len(frame),
        transform=transform,
        extents=np.full((len(frame), 3), 0.5),
        bbox=np.tile([10, 20, 110, 140], (len(frame), 1)),
        handle_visible=np.ones(len(frame)),
        visible_pixels=np.full(len(frame), 900),
    )


@pytest.fixture
def make_shard() -> Callable[..., Shard]:
    """Return a function that makes a shard of `frames` frames with two detections each.

    The last detection has no cloud, as where too few of its pixels have depth.
    """

    def make(frames: int = 3, *, seed: int = 0, scene: str = "scene_1") -> Shard:
        generator = np.random.default_rng(seed)
        frame = np.repeat(np.arange(frames), 2)
        seen = np.arange(len(frame))[:-1]
        clouds = generator.normal([0, 0, 0.8], 0.05, size=(len(seen), POINTS_PER_CLOUD, 3))
        return Shard(
            info=ShardInfo(dataset="toy", source="real", split="test", label_set="toy/1"),
            frames=_make_frames(frames, scene),
            ground_truth=_make_ground_truth(frame, generator),
            detections=_make_detections(frame),
            objects=Objects(
                points=clouds,
                frame=frame[seen],
                detection=seen,
                ground_truth=seen,
                category=frame[seen] % 6 + 1,
                valid_pixels=np.full(len(seen), 2000),
            ),
            quarantine=Quarantine(
                frame=["Real/test/scene_1/0002"],
                instance=[1],
                reason=["too_few_points"],
                detail=["Tiefe fehlt: größtenteils null"],
            ),
        )

    return make


@pytest.fixture
def make_predictions() -> Callable[..., Predictions]:
    """Return a function that makes predictions for `frames` frames with `k` hypotheses each."""

    def make(frames: int = 3, *, k: int = 4, seed: int = 0) -> Predictions:
        generator = np.random.default_rng(seed)
        frame = np.repeat(np.arange(frames), 2)
        count = len(frame)
        return Predictions(
            info=RunInfo(estimator="toy", dataset="toy", split="test", label_set="toy/1"),
            frames=_make_frames(frames, f"scene_{seed}"),
            ground_truth=_make_ground_truth(frame, generator),
            detections=_make_detections(frame),
            estimates=Estimates(
                estimated=np.ones(count),
                transform=np.tile(np.eye(4), (count, 1, 1)),
                extents=np.full((count, 3), np.nan),
            ),
            hypotheses=generator.normal(size=(count, k, 3, 4)).astype("f4"),
            energies=generator.normal(size=(count, k, 2)).astype("f4"),
        )

    return make
