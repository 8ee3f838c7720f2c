"""An estimator over one shard: batches of observations in, estimates and hypotheses out."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.errors import ConfigError, InvalidPoseError
from benchmark.estimator import Observations, PoseEstimate, PoseEstimator
from benchmark.predictions import Estimates
from benchmark.shards import Shard

Advance = Callable[[int], None]
"""Told how many more frames are done."""

_ORTHONORMAL_WITHIN = 1e-3


@dataclass(frozen=True, kw_only=True)
class ShardEstimates:
    """What an estimator made of one shard; fields as in `benchmark.predictions.Predictions`."""

    estimates: Estimates
    hypotheses: np.ndarray | None
    energies: np.ndarray | None


def estimate_shard(
    estimator: PoseEstimator,
    shard: Shard,
    *,
    seed: int,
    hypotheses: int,
    batch: int,
    advance: Advance = lambda _: None,
) -> ShardEstimates:
    """Run an estimator over all clouds of a shard.

    A detection without a cloud, or whose estimate is not finite, keeps the identity pose and is
    marked as not estimated.

    Args:
        estimator: a loaded estimator.
        shard: clouds and the detections they were cut out with.
        seed: the run's seed.
        hypotheses: K that the estimator was loaded with.
        batch: observations per call.
        advance: called with the number of frames just done.

    Raises:
        ConfigError: the shard lacks an input that the estimator needs.
        InvalidPoseError: the estimator returned something that is not a pose.
    """
    _check_inputs(estimator, shard)
    results = EstimateRows(estimator, len(shard.detections), hypotheses)
    done = 0
    for rows, observations in iterate_batches(shard, seed=seed, batch=batch):
        results.store(rows, estimator.estimate(observations))
        reached = max(done, int(shard.detections.frame[rows].max()))
        advance(reached - done)
        done = reached
    advance(len(shard.frames) - done)
    return results.finish()


def iterate_batches(
    shard: Shard, *, seed: int, batch: int
) -> Iterator[tuple[np.ndarray, Observations]]:
    """Yield the detection rows (b,) and observations of a shard, at most `batch` at a time."""
    objects, detections = shard.objects, shard.detections
    within = _count_within_frame(detections.frame)
    for start in range(0, len(objects), batch):
        part = slice(start, start + batch)
        rows, frames = objects.detection[part], objects.frame[part]
        yield (
            rows,
            Observations(
                points=np.array(objects.points[part]),
                category=objects.category[part],
                seeds=compute_seeds(seed, shard.frames.id[frames].tolist(), within[rows].tolist()),
                intrinsics=shard.frames.intrinsics[frames],
            ),
        )


def compute_seeds(seed: int, frame_ids: Sequence[str], rows: Sequence[int]) -> np.ndarray:
    """Return the (n,) uint64 seeds of observations: SHA-256 of run seed, frame id and row.

    Args:
        seed: the run's seed.
        frame_ids: frame of each observation.
        rows: row of its detection among the detections of that frame.
    """
    texts = (f"{seed}/{name}/{row}" for name, row in zip(frame_ids, rows, strict=True))
    digests = b"".join(hashlib.sha256(text.encode()).digest()[:8] for text in texts)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def _count_within_frame(frame: np.ndarray) -> np.ndarray:
    """Return the position (n,) of every row among the rows of the same frame."""
    order = np.argsort(frame, kind="stable")
    position = np.arange(len(frame))
    within = np.empty(len(frame), dtype=np.int64)
    within[order] = position - np.searchsorted(frame[order], frame[order])
    return within


def _check_inputs(estimator: PoseEstimator, shard: Shard) -> None:
    if estimator.spec.needs:
        needs = ", ".join(sorted(estimator.spec.needs))
        raise ConfigError(f"estimator '{estimator.spec.name}' needs {needs}, which shards lack")
    if (shard.objects.detection < 0).any():
        raise ConfigError(
            f"shards of split '{shard.info.split}' hold clouds without detections: "
            "run on the split val or test"
        )


class EstimateRows:
    """Rows of estimates, filled batch by batch; identity poses where nothing was stored."""

    def __init__(self, estimator: PoseEstimator, rows: int, hypotheses: int) -> None:
        self._name, gives = estimator.spec.name, estimator.spec.gives
        self._shapes = _list_shapes(gives, hypotheses)
        self.estimated = np.zeros(rows, np.uint8)
        self.transform = np.tile(np.eye(4), (rows, 1, 1))
        self.extents = np.full((rows, 3), np.nan)
        self.hypotheses = np.tile(np.eye(3, 4, dtype=np.float32), (rows, hypotheses, 1, 1))
        self.energies = np.zeros((rows, hypotheses, 2), np.float32)

    def store(self, rows: np.ndarray, estimate: PoseEstimate) -> None:
        """Store the estimates of the detections `rows`, leaving out what is not finite."""
        arrays = _flatten(estimate)
        self._check_shapes(len(rows), arrays)
        finite = [np.isfinite(a).reshape(len(rows), -1).all(axis=1) for a in arrays.values()]
        good = np.logical_and.reduce(finite)
        rows, arrays = rows[good], {name: values[good] for name, values in arrays.items()}
        self._check_rotations(arrays["rotation"])
        self.estimated[rows] = 1
        self.transform[rows, :3, :3] = arrays["rotation"]
        self.transform[rows, :3, 3] = arrays["translation"]
        if "size" in arrays:
            scale = np.linalg.norm(arrays["size"], axis=-1)
            self.transform[rows, :3, :3] *= scale[:, None, None]
            self.extents[rows] = arrays["size"] / scale[:, None]
        if "sampled rotation" in arrays:
            self.hypotheses[rows, :, :, :3] = arrays["sampled rotation"]
            self.hypotheses[rows, :, :, 3] = arrays["sampled translation"]
        if "energies" in arrays:
            self.energies[rows] = arrays["energies"]

    def finish(self) -> ShardEstimates:
        """Return everything stored so far."""
        return ShardEstimates(
            estimates=Estimates(
                estimated=self.estimated, transform=self.transform, extents=self.extents
            ),
            hypotheses=self.hypotheses if "sampled rotation" in self._shapes else None,
            energies=self.energies if "energies" in self._shapes else None,
        )

    def _check_shapes(self, count: int, arrays: dict[str, np.ndarray]) -> None:
        expected = {name: (count, *shape) for name, shape in self._shapes.items()}
        found = {name: values.shape for name, values in arrays.items()}
        if found != expected:
            raise InvalidPoseError(
                f"estimator '{self._name}': its spec promises {expected}, it returned {found}"
            )

    def _check_rotations(self, rotation: np.ndarray) -> None:
        error = np.abs(rotation @ rotation.swapaxes(-1, -2) - np.eye(3)).max(initial=0.0)
        if error > _ORTHONORMAL_WITHIN or (np.linalg.det(rotation) < 0).any():
            raise InvalidPoseError(
                f"estimator '{self._name}': expected rotation matrices, got one that is off by "
                f"{error:.3g} or reflected"
            )


def _list_shapes(gives: frozenset[str], hypotheses: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of one row of every array that an estimator promises."""
    shapes: dict[str, tuple[int, ...]] = {"rotation": (3, 3), "translation": (3,)}
    if "size" in gives:
        shapes["size"] = (3,)
    if "hypotheses" in gives:
        shapes |= {"sampled rotation": (hypotheses, 3, 3), "sampled translation": (hypotheses, 3)}
    if "energies" in gives:
        shapes["energies"] = (hypotheses, 2)
    return shapes


def _flatten(estimate: PoseEstimate) -> dict[str, np.ndarray]:
    """Return every array that is present, by the names of `_list_shapes`."""
    arrays = {
        "rotation": estimate.rotation,
        "translation": estimate.translation,
        "size": estimate.size,
    }
    if estimate.hypotheses is not None:
        arrays |= {
            "sampled rotation": estimate.hypotheses.rotation,
            "sampled translation": estimate.hypotheses.translation,
            "energies": estimate.hypotheses.energies,
        }
    return {name: np.asarray(values) for name, values in arrays.items() if values is not None}
