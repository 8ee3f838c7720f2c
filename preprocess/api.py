"""Poses from Python, without a file: a depth image, a mask and intrinsics in, a pose out."""

from dataclasses import astuple, dataclass
from functools import lru_cache

import numpy as np

from benchmark.categories import Intrinsics, get_category
from benchmark.errors import ConfigError, DataFormatError
from benchmark.estimator import EstimatorOptions, Observations, PoseEstimate, PoseEstimator
from benchmark.registry import load_estimator
from preprocess.clouds import compute_mask_box, draw_cloud


@dataclass(frozen=True, kw_only=True)
class Pose:
    """The pose of one object, and what it was pooled from.

    Attributes:
        rotation: (3, 3), object to camera.
        translation: (3,), metres, camera frame.
        size: (3,) box sides in metres, None for a method that predicts none.
        hypotheses: (K, 4, 4) sampled object-to-camera transforms in draw order, None for a method
            with a single answer.
        energies: (K, 2) rotation and translation energy of each hypothesis, larger is likelier;
            None for a method that ranks nothing.
    """

    rotation: np.ndarray
    translation: np.ndarray
    size: np.ndarray | None = None
    hypotheses: np.ndarray | None = None
    energies: np.ndarray | None = None

    @property
    def transform(self) -> np.ndarray:
        """The pose as one object-to-camera matrix (4, 4)."""
        return build_transforms(self.rotation, self.translation)


def estimate_pose(
    depth_mm: np.ndarray,
    mask: np.ndarray,
    intrinsics: Intrinsics | tuple[float, float, float, float],
    category: str | int | None = None,
    *,
    estimator: str | PoseEstimator = "genpose",
    seed: int = 0,
) -> Pose:
    """Estimate the pose of one object in a depth image, as `genbench run` would.

    Args:
        depth_mm: (h, w) depth in millimetres, 0 where unknown.
        mask: (h, w), non-zero on the object.
        intrinsics: fx, fy, cx, cy in pixels.
        category: name or class id; may be left out where the estimator looks at points alone.
        estimator: a registered name, which stands for its shipped weights and default options, or
            what `benchmark.registry.load_estimator` returns.
        seed: seed of everything random; the same seed gives the same pose.

    Raises:
        DataFormatError: depth and mask do not fit, or fewer than 2 pixels have both.
        UnknownNameError: no such category or estimator.
        ConfigError: the estimator's weights cannot be found, or it needs more than points.
    """
    loaded = _load(estimator) if isinstance(estimator, str) else estimator
    if loaded.spec.needs:
        raise ConfigError(f"{loaded.spec.name} needs {', '.join(sorted(loaded.spec.needs))}")
    return _unpack(loaded.estimate(_observe(depth_mm, mask, intrinsics, category, seed)))


@lru_cache(maxsize=2)
def _load(name: str) -> PoseEstimator:
    """Load an estimator once, however many poses are asked for."""
    return load_estimator(name, EstimatorOptions())


def _observe(
    depth_mm: np.ndarray,
    mask: np.ndarray,
    intrinsics: Intrinsics | tuple[float, float, float, float],
    category: str | int | None,
    seed: int,
) -> Observations:
    """Return the one observation of this object."""
    depth_mm, mask = np.asarray(depth_mm), np.asarray(mask)
    if depth_mm.ndim != 2 or depth_mm.shape != mask.shape:
        raise DataFormatError(
            "depth_mm and mask: expected two images (h, w) of the same size, "
            f"got {depth_mm.shape} and {mask.shape}"
        )
    fx, fy, cx, cy = intrinsics if isinstance(intrinsics, tuple) else astuple(intrinsics)[:4]
    camera = Intrinsics(fx=fx, fy=fy, cx=cx, cy=cy, width=mask.shape[1], height=mask.shape[0])
    cloud = draw_cloud(depth_mm, mask, compute_mask_box(mask), camera, seed)
    if not len(cloud.points):
        raise DataFormatError(
            f"depth_mm and mask: expected 2 or more points with both, got {cloud.valid_pixels}"
        )
    return Observations(
        points=cloud.points[None],
        category=np.array([0 if category is None else get_category(category).id], np.uint8),
        seeds=np.array([seed], np.uint64),
        intrinsics=np.array([[fx, fy, cx, cy]]),
    )


def _unpack(estimate: PoseEstimate) -> Pose:
    """Return the only pose of a batch of one."""
    sampled = estimate.hypotheses
    return Pose(
        rotation=estimate.rotation[0],
        translation=estimate.translation[0],
        size=None if estimate.size is None else estimate.size[0],
        hypotheses=None
        if sampled is None
        else build_transforms(sampled.rotation[0], sampled.translation[0]),
        energies=None if sampled is None or sampled.energies is None else sampled.energies[0],
    )


def build_transforms(rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Return the matrices (..., 4, 4) of rotations (..., 3, 3) and translations (..., 3)."""
    transform = np.zeros((*translation.shape[:-1], 4, 4))
    transform[..., :3, :3], transform[..., :3, 3], transform[..., 3, 3] = rotation, translation, 1
    return transform
