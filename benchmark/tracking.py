"""A tracker over sequences: the pose of every object, frame by frame, from the pose before.

The state is one pose for each object of each scene (GenPose, algorithm 1). An object is followed by
the detections that overlap it most, or that aligned detections say are its own. Shards run in
order, because a scene may go on in the next one.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from benchmark.errors import ConfigError
from benchmark.estimator import (
    Observations,
    PoseEstimate,
    PoseEstimator,
    PoseTracker,
    TrackStart,
)
from benchmark.geometry.perturbation import perturb_poses, sample_pose_noise, stack_noise
from benchmark.inference import Advance, EstimateRows, compute_seeds
from benchmark.predictions import Estimates, Predictions, RunInfo
from benchmark.records import GroundTruth, compute_rotation
from benchmark.running import (
    RunOptions,
    add_costs,
    build_predictions,
    count_cost,
    describe_run,
    run_shards,
)
from benchmark.shards import Objects, Shard

Policy = Literal["reinit", "coast"]
Key = tuple[str, str]
"""Scene and instance: what a track is of."""

Pose = tuple[np.ndarray, np.ndarray]
"""Rotation (3, 3) and translation (3,) in metres, object to camera."""

_PERCENTILES = (50, 95, 99)


class SurfaceSource(Protocol):
    """Gives points on the surfaces of annotated objects, for trackers that need "cad"."""

    def get_surface(self, instance: str, category: int, transform: np.ndarray) -> np.ndarray:
        """Return points (P, 3) on an object's surface, object frame, metres.

        Args:
            instance: model name.
            category: class id.
            transform: (4, 4) its annotated similarity, whose scale is that of the object.
        """
        ...

    def describe(self) -> str:
        """Return the fingerprint of the meshes."""
        ...


@dataclass(frozen=True, kw_only=True)
class TrackingOptions:
    """How objects are followed.

    Attributes:
        policy: what follows a frame in which an object was not found. "reinit": it starts again
            from the ground truth, as the released code has it; "coast": from its last pose.
        start: first pose of an object; None takes the tracker's own.
        surfaces: the objects' own surfaces; None where there are none.
    """

    policy: Policy = "reinit"
    start: TrackStart | None = None
    surfaces: SurfaceSource | None = None


def track_shards(
    tracker: PoseTracker,
    shards: Sequence[Path],
    out: Path,
    options: RunOptions,
    tracking: TrackingOptions,
    advance: Advance = lambda _: None,
) -> Path:
    """Track every annotated object of `shards`; see `benchmark.running.run_estimator`.

    Returns:
        The predictions file, which holds one row for every object and frame that it was found in.

    Raises:
        ConfigError: shards without ground truth to start from, or a tracker without its surfaces.
    """
    if "cad" in tracker.spec.needs and tracking.surfaces is None:
        raise ConfigError(
            f"estimator '{tracker.spec.name}' needs the objects' meshes: "
            "name their folder with --models DATA/obj_models"
        )
    base, memory = describe_tracking(tracker, options, tracking), TrackMemory(tracking.policy)
    runner = _TrackRunner(tracker=tracker, options=options, tracking=tracking, memory=memory)
    return run_shards(runner, base, shards, out, limit=options.limit, advance=advance)


def check_tracker(estimator: PoseEstimator) -> PoseTracker:
    """Return the estimator as a tracker.

    Raises:
        ConfigError: it tracks nothing.
    """
    if "tracking" not in estimator.spec.gives or not isinstance(estimator, PoseTracker):
        raise ConfigError(
            f"estimator '{estimator.spec.name}' does not track: choose one that does "
            "(genbench list), or leave out --track"
        )
    return estimator


def describe_tracking(
    tracker: PoseTracker, options: RunOptions, tracking: TrackingOptions
) -> RunInfo:
    """Return what the predictions will say of themselves, as far as no shard decides it."""
    base = describe_run(tracker, options)
    described = base.configuration.get("tracking", {"t0": None, "sigma": None}) | {
        "policy": tracking.policy,
        "perturbation": tracking.start or tracker.start,
    }
    fingerprints = dict(base.fingerprints)
    if tracking.surfaces is not None:
        fingerprints["models"] = tracking.surfaces.describe()
    configuration = base.configuration | {"tracking": described}
    return replace(base, configuration=configuration, fingerprints=fingerprints)


def select_followed(shard: Shard) -> Shard:
    """Return the shard with one detection and cloud for each object and frame that it was found in.

    Of several detections of an object, the most confident is kept. Rows are sorted by frame, then
    by the row of the object in the ground truth; rows of clouds and detections are the same. A
    detection takes its object's box, so that evaluators, who pair by box, pair what belongs
    together.

    Raises:
        ConfigError: the shard names no annotated object to follow, or two alike in one frame.
    """
    objects = shard.objects.take(shard.objects.ground_truth >= 0)
    if not len(objects) and len(shard.objects):
        raise ConfigError(
            f"shards of {shard.info.dataset}/{shard.info.split} name no annotated objects, and "
            "tracking starts from the ground truth: prepare the data with annotations"
        )
    confidence = shard.detections.confidence[objects.detection]
    objects = objects.take(np.lexsort((objects.detection, -confidence, objects.ground_truth)))
    objects = objects.take(np.unique(objects.ground_truth, return_index=True)[1])
    objects = objects.take(np.argsort(objects.frame, kind="stable"))
    _check_names(shard, objects)
    detections = shard.detections.take(objects.detection)
    return replace(
        shard,
        objects=replace(objects, detection=np.arange(len(objects))),
        detections=replace(detections, bbox=shard.ground_truth.bbox[objects.ground_truth]),
    )


def _check_names(shard: Shard, objects: Objects) -> None:
    """Check that the objects of a frame have names of their own, by which they are known again."""
    names = shard.ground_truth.instance[objects.ground_truth].tolist()
    pairs = Counter(zip(objects.frame.tolist(), names, strict=True))
    for (frame, name), count in pairs.items():
        if count > 1:
            raise ConfigError(
                f"{shard.frames.id[frame]}: {count} objects are named {name}: tracking tells the "
                "objects of a scene apart by their names"
            )


def iterate_frames(followed: Shard) -> Iterator[tuple[str, np.ndarray, list[Key]]]:
    """Yield the scene, the rows of clouds and the objects of every frame of `select_followed`."""
    ends = np.searchsorted(followed.objects.frame, np.arange(len(followed.frames) + 1))
    instances = followed.ground_truth.instance[followed.objects.ground_truth]
    for scene, rows in zip(followed.frames.scene, map(np.arange, ends[:-1], ends[1:]), strict=True):
        yield scene, rows, [(scene, str(name)) for name in instances[rows]]


@dataclass
class TrackMemory:
    """The last pose of every object that is being followed."""

    policy: Policy
    poses: dict[Key, Pose] = field(default_factory=dict)

    def update(self, scene: str, found: Mapping[Key, Pose]) -> None:
        """Take in the poses that one frame of a scene gave."""
        if self.policy == "reinit":
            self.poses = {key: pose for key, pose in self.poses.items() if key[0] != scene}
        self.poses |= found


@dataclass(frozen=True, kw_only=True)
class _TrackRunner:
    """Follows objects through shards in order: a `ShardRunner`."""

    tracker: PoseTracker
    options: RunOptions
    tracking: TrackingOptions
    memory: TrackMemory

    def run(self, shard: Shard, info: RunInfo, advance: Advance) -> Predictions:
        """Follow the objects of a shard's frames; see `ShardRunner`."""
        shard = select_followed(shard)
        made = EstimateRows(self.tracker, len(shard.objects), self.options.estimator.hypotheses)
        latencies = []
        for scene, rows, keys in iterate_frames(shard):
            if len(rows):
                observations, previous = self._observe(shard, rows), self._recall(shard, rows, keys)
                start = time.perf_counter()
                poses = self.tracker.track(observations, previous)
                latencies.append(1e3 * (time.perf_counter() - start))
                made.store(rows, poses)
            self._remember(scene, rows, keys, made)
            advance(1)
        estimates = made.finish()
        spent = count_cost(estimates, len(shard.objects), sum(latencies) / 1e3)
        spent["latencies_ms"] = latencies
        return build_predictions(replace(info, environment=spent), shard, estimates)

    def skip(self, shard: Shard, done: Predictions) -> None:
        """Remember the poses of a shard that was done before; see `ShardRunner`."""
        for scene, rows, keys in iterate_frames(select_followed(shard)):
            self._remember(scene, rows, keys, done.estimates)

    def summarise(self, spent: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Add up, and say how fast frames went and how long each took; see `ShardRunner`."""
        total = add_costs(spent)
        latencies = [latency for part in spent for latency in part["latencies_ms"]]
        return total | describe_speed(latencies)

    def _observe(self, shard: Shard, rows: np.ndarray) -> Observations:
        objects = shard.objects.take(rows)
        return Observations(
            points=np.array(objects.points),
            category=objects.category,
            seeds=self._compute_seeds(shard, objects, "{}/{}"),
            intrinsics=shard.frames.intrinsics[objects.frame],
            surfaces=self._find_surfaces(shard.ground_truth.take(objects.ground_truth)),
        )

    def _find_surfaces(self, truth: GroundTruth) -> tuple[np.ndarray, ...] | None:
        source = self.tracking.surfaces
        if source is None:
            return None
        return tuple(
            source.get_surface(str(name), int(category), transform)
            for name, category, transform in zip(
                truth.instance, truth.category, truth.transform, strict=True
            )
        )

    def _recall(self, shard: Shard, rows: np.ndarray, keys: Sequence[Key]) -> PoseEstimate:
        """Return the poses (B,) of the frame before; for objects without one, where they start."""
        rotation, translation = self._find_starts(shard, shard.objects.take(rows))
        for row, key in enumerate(keys):
            if key in self.memory.poses:
                rotation[row], translation[row] = self.memory.poses[key]
        return PoseEstimate(rotation=rotation, translation=translation)

    def _remember(
        self, scene: str, rows: np.ndarray, keys: Sequence[Key], made: EstimateRows | Estimates
    ) -> None:
        """Keep the poses of a frame; those that were not estimated count as missed."""
        rotation = compute_rotation(made.transform[rows])
        poses = zip(rotation, made.transform[rows, :3, 3], strict=True)
        found = zip(keys, poses, made.estimated[rows], strict=True)
        self.memory.update(scene, {key: pose for key, pose, estimated in found if estimated})

    def _find_starts(self, shard: Shard, objects: Objects) -> tuple[np.ndarray, np.ndarray]:
        """Return the true poses of objects, or those with noise: where a track would start."""
        truth = shard.ground_truth.transform[objects.ground_truth]
        rotation, translation = compute_rotation(truth), truth[:, :3, 3].copy()
        if (self.tracking.start or self.tracker.start) == "truth":
            return rotation, translation
        seeds = self._compute_seeds(shard, objects, "{}/{}/start")
        draws = [sample_pose_noise(np.random.Generator(np.random.Philox(int(s)))) for s in seeds]
        return perturb_poses(rotation, translation, stack_noise(draws))

    def _compute_seeds(self, shard: Shard, objects: Objects, form: str) -> np.ndarray:
        """Return seeds (B,) of run, scene, instance and frame number, so that no order matters."""
        scenes = shard.frames.scene[objects.frame]
        names = shard.ground_truth.instance[objects.ground_truth]
        numbers = shard.frames.number[objects.frame].tolist()
        return compute_seeds(self.options.seed, list(map(form.format, scenes, names)), numbers)


def describe_speed(latencies_ms: Sequence[float]) -> dict[str, Any]:
    """Return frames per second, and the median and worst latencies of a frame in milliseconds."""
    if not latencies_ms:
        return {"frames_per_second": None, "latency_ms": {}}
    values = np.percentile(latencies_ms, _PERCENTILES).tolist()
    return {
        "frames_per_second": 1e3 / float(np.mean(latencies_ms)),
        "latency_ms": {f"p{p}": value for p, value in zip(_PERCENTILES, values, strict=True)},
    }
