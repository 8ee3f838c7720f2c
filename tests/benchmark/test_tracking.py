"""Tracking over shards: what a track remembers, where it starts, what a miss does, resuming."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from benchmark.errors import ConfigError
from benchmark.estimator import (
    EstimatorOptions,
    EstimatorSpec,
    Observations,
    PoseEstimate,
    TrackStart,
)
from benchmark.geometry.rotations import compute_angle
from benchmark.predictions import Predictions, read_predictions
from benchmark.records import compute_rotation
from benchmark.running import RunOptions
from benchmark.shards import Shard, take_frames, write_shard
from benchmark.tracking import (
    TrackingOptions,
    check_tracker,
    describe_speed,
    select_followed,
    track_shards,
)

MakeShard = Callable[..., Shard]
STEP = 0.01


@dataclass
class Counter:
    """Moves every object one centimetre a frame along x, so that x tells how long it was known."""

    spec: ClassVar[EstimatorSpec] = EstimatorSpec(
        name="counter", summary="counts", gives=frozenset({"tracking"})
    )
    start: ClassVar[TrackStart] = "truth"
    fail_after: int = 10**9
    lose: set[int] = field(default_factory=set)
    seen: list[Observations] = field(default_factory=list)

    @classmethod
    def load(cls, options: EstimatorOptions) -> "Counter":  # noqa: ARG003 - as in PoseEstimator
        """Build one."""
        return cls()

    def estimate(self, observations: Observations) -> PoseEstimate:
        """Refuse."""
        raise NotImplementedError(str(observations))

    def track(self, observations: Observations, previous: PoseEstimate) -> PoseEstimate:
        """Add one centimetre."""
        if len(self.seen) >= self.fail_after:
            raise KeyboardInterrupt
        self.seen.append(observations)
        moved = previous.translation + np.array([STEP, 0.0, 0.0])
        if len(self.seen) - 1 in self.lose:
            moved[:] = np.nan
        return PoseEstimate(rotation=previous.rotation, translation=moved)

    def describe(self) -> dict[str, Any]:
        """Say nothing."""
        return {}


@pytest.fixture
def make_scene(make_shard: MakeShard) -> MakeShard:
    """Return a function that makes a shard with two objects that stand still for some frames."""

    def make(frames: int = 6, *, scene: str = "scene_1", missed: tuple[int, ...] = ()) -> Shard:
        shard = make_shard(frames, scene=scene)
        truth, rows = shard.ground_truth, np.arange(2 * frames)
        transform = np.tile(np.eye(4), (2 * frames, 1, 1))
        transform[:, 1, 3] = rows % 2
        objects = shard.objects.take(~((rows[:-1] % 2 == 0) & np.isin(rows[:-1] // 2, missed)))
        return replace(
            shard,
            objects=objects,
            ground_truth=replace(
                truth,
                transform=transform,
                category=np.ones(2 * frames),
                instance=[f"bottle_{row % 2}" for row in rows],
            ),
        )

    return make


def _track(
    folder: Path,
    shards: list[Shard],
    tracker: Counter | None = None,
    options: RunOptions | None = None,
    **chosen: Any,
) -> Predictions:
    paths = [folder / f"test-real-{number:04d}.h5" for number in range(len(shards))]
    for path, shard in zip(paths, shards, strict=True):
        write_shard(path, shard)
    run = folder / "-".join(["run", *map(str, chosen.values())])
    tracking = TrackingOptions(**chosen)
    options = options or RunOptions()
    return read_predictions(
        track_shards(tracker or Counter(), paths, run, options, tracking=tracking)
    )


def _count(predictions: Predictions, item: int) -> list[int]:
    """Return how many steps object 0 or 1, told by its y, has gone, frame by frame; 0 if missed."""
    steps = [0] * len(predictions.frames)
    poses = predictions.estimates.transform
    for frame, pose in zip(predictions.detections.frame, poses, strict=True):
        if round(pose[1, 3]) == item:
            steps[frame] = round(pose[0, 3] / STEP)
    return steps


def test_every_frame_starts_from_the_one_before(tmp_path: Path, make_scene: MakeShard) -> None:
    found = _track(tmp_path, [make_scene(6)])
    assert _count(found, 0) == [1, 2, 3, 4, 5, 6]
    assert _count(found, 1) == [1, 2, 3, 4, 5, 0]  # the last detection has no cloud
    assert len(found.detections) == 11
    assert found.estimates.estimated.all()


@pytest.mark.parametrize(
    ("policy", "counts"), [("reinit", [1, 2, 0, 1, 2, 3]), ("coast", [1, 2, 0, 3, 4, 5])]
)
def test_what_follows_a_missed_frame(
    tmp_path: Path, make_scene: MakeShard, policy: str, counts: list[int]
) -> None:
    found = _track(tmp_path, [make_scene(6, missed=(2,))], policy=policy)
    assert _count(found, 0) == counts
    assert _count(found, 1)[:5] == [1, 2, 3, 4, 5]


def test_a_pose_that_is_not_finite_counts_as_missed(tmp_path: Path, make_scene: MakeShard) -> None:
    found = _track(tmp_path, [make_scene(4)], Counter(lose={1}))
    assert not found.estimates.estimated[found.detections.frame == 1].any()
    assert _count(found, 0)[2:] == [1, 2]


def test_a_scene_goes_on_in_the_next_shard_and_another_does_not(
    tmp_path: Path, make_scene: MakeShard
) -> None:
    whole, other = make_scene(5), make_scene(2, scene="scene_2")
    shards = [take_frames(whole, 2), _drop_frames(whole, 2), other]
    found = _track(tmp_path, shards)
    assert _count(found, 0) == [1, 2, 3, 4, 5, 1, 2]


def _drop_frames(shard: Shard, count: int) -> Shard:
    """Return the frames from `count` on."""
    objects, truth, found = shard.objects, shard.ground_truth, shard.detections
    later = objects.take(objects.frame >= count)
    shift = 2 * count  # rows of the two objects of every frame
    return replace(
        shard,
        frames=shard.frames.take(slice(count, None)),
        ground_truth=replace(truth.take(slice(shift, None)), frame=truth.frame[shift:] - count),
        detections=replace(found.take(slice(shift, None)), frame=found.frame[shift:] - count),
        objects=replace(
            later,
            frame=later.frame - count,
            detection=later.detection - shift,
            ground_truth=later.ground_truth - shift,
        ),
    )


@pytest.mark.reliability
@pytest.mark.parametrize("policy", ["reinit", "coast"])
def test_an_interrupted_run_remembers_its_poses(
    tmp_path: Path, make_scene: MakeShard, policy: str
) -> None:
    whole = make_scene(6, missed=(1,))
    shards = [take_frames(whole, 2), _drop_frames(whole, 2)]
    expected = _track(tmp_path, shards, start="perturbed", policy=policy)
    (tmp_path / f"run-perturbed-{policy}" / "predictions.h5").unlink()
    with pytest.raises(KeyboardInterrupt):
        _track(tmp_path, shards, Counter(fail_after=3), start="perturbed", policy=policy)
    again = Counter()
    found = _track(tmp_path, shards, again, start="perturbed", policy=policy)
    assert len(again.seen) == 4  # the second shard alone
    np.testing.assert_array_equal(found.estimates.transform, expected.estimates.transform)
    assert replace(found.info, environment={}) == replace(expected.info, environment={})


def test_a_perturbed_start_is_off_by_the_noise_of_the_protocol(
    tmp_path: Path, make_scene: MakeShard
) -> None:
    shards = [make_scene(1, scene=f"scene_{number}") for number in range(60)]
    found = _track(tmp_path, shards, start="perturbed")
    pose = found.estimates.transform
    angle = np.degrees(compute_angle(compute_rotation(pose), np.eye(3)))
    distance = np.linalg.norm(pose[:, :3, 3] - [STEP, 0, 0], axis=1)
    half_normal = np.sqrt(2 / np.pi)
    assert angle.mean() == pytest.approx(5.0 * half_normal, rel=0.35)
    assert distance.mean() == pytest.approx(0.03 * half_normal, rel=0.35)
    assert len(np.unique(angle.round(6))) == len(angle)


def test_seeds_are_of_scene_instance_and_frame(tmp_path: Path, make_scene: MakeShard) -> None:
    whole, trackers = make_scene(4), [Counter(), Counter(), Counter()]
    _track(tmp_path, [whole], trackers[0], policy="reinit")
    split = tmp_path / "split"
    split.mkdir()
    _track(split, [take_frames(whole, 2), _drop_frames(whole, 2)], trackers[1])
    _track(tmp_path, [whole], trackers[2], RunOptions(seed=1), policy="coast")
    first, second, other = (
        np.concatenate([each.seeds for each in tracker.seen]) for tracker in trackers
    )
    np.testing.assert_array_equal(first, second)
    assert len(set(first.tolist())) == len(first)
    assert not set(first.tolist()) & set(other.tolist())


def test_of_several_detections_the_most_confident_is_followed(make_shard: MakeShard) -> None:
    shard = make_shard(2)
    shard = replace(
        shard,
        objects=replace(shard.objects, ground_truth=np.array([1, 1, -1])),
        detections=replace(
            shard.detections, confidence=np.array([0.4, 0.9, 1.0, 1.0]), bbox=np.eye(4)
        ),
    )
    followed = select_followed(shard)
    assert followed.objects.detection.tolist() == [0]
    assert followed.detections.confidence.tolist() == pytest.approx([0.9])
    np.testing.assert_array_equal(followed.objects.points[0], shard.objects.points[1])
    np.testing.assert_array_equal(followed.detections.bbox[0], shard.ground_truth.bbox[1])


def test_two_objects_of_one_name_are_refused(tmp_path: Path, make_shard: MakeShard) -> None:
    with pytest.raises(ConfigError, match="2 objects are named mug_äöü_norm"):
        _track(tmp_path, [make_shard(2)])


def test_without_ground_truth_there_is_nothing_to_start_from(
    tmp_path: Path, make_shard: MakeShard
) -> None:
    shard = make_shard(2)
    lost = replace(shard, objects=replace(shard.objects, ground_truth=np.full(3, -1)))
    with pytest.raises(ConfigError, match="starts from the ground truth"):
        _track(tmp_path, [lost])


def test_the_run_says_how_it_tracked_and_how_fast(tmp_path: Path, make_scene: MakeShard) -> None:
    info = _track(tmp_path, [make_scene(3)], policy="coast").info
    assert info.configuration["tracking"] == {
        "policy": "coast",
        "perturbation": "truth",
        "t0": None,
        "sigma": None,
    }
    assert set(info.environment["latency_ms"]) == {"p50", "p95", "p99"}
    assert info.environment["frames_per_second"] > 0


def test_speed_is_of_frames() -> None:
    speed = describe_speed([10.0, 10.0, 40.0])
    assert speed["frames_per_second"] == pytest.approx(50.0)
    assert speed["latency_ms"]["p50"] == 10.0
    assert describe_speed([]) == {"frames_per_second": None, "latency_ms": {}}


def test_an_estimator_that_does_not_track_is_refused() -> None:
    from baselines.mean_pose import MeanPose

    with pytest.raises(ConfigError, match="'mean-pose' does not track"):
        check_tracker(MeanPose())


def test_meshes_are_asked_for_before_anything_is_done(
    tmp_path: Path, make_scene: MakeShard
) -> None:
    from baselines.oracle_icp import OracleICP

    with pytest.raises(ConfigError, match="--models"):
        _track(tmp_path, [make_scene(2)], OracleICP())  # type: ignore[arg-type]
