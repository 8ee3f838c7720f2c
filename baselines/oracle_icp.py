"""Oracle ICP: the object's own mesh, put onto each frame's points from its pose one frame before.

Defined by CAPTRA's comparison alone, which names the true mesh at the true scale and the true pose
in the first frame. It drifts, and nothing brings it back.
"""

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from benchmark.errors import ConfigError
from benchmark.estimator import (
    EstimatorOptions,
    EstimatorSpec,
    Observations,
    PoseEstimate,
    TrackStart,
)

if TYPE_CHECKING:
    import open3d


class OracleICP:
    """Point-to-point ICP (Besl and McKay 1992) from frame to frame, with the true mesh."""

    spec: ClassVar[EstimatorSpec] = EstimatorSpec(
        name="oracle-icp",
        summary="tracks by ICP with the object's own mesh (the bound of knowing the shape)",
        needs=frozenset({"cad"}),
        gives=frozenset({"tracking"}),
        reference="Weng et al.: CAPTRA, ICCV 2021 (as a baseline)",
        parameters=0.0,
    )
    start: ClassVar[TrackStart] = "truth"
    iterations: ClassVar[int] = 50
    reach_m: ClassVar[float] = 0.05

    @classmethod
    def load(cls, options: EstimatorOptions) -> "OracleICP":
        """Build the tracker.

        Raises:
            ConfigError: an option was given; it has none.
        """
        given = [name for name in ("preset", "weights") if getattr(options, name) is not None]
        if given or options.extra:
            raise ConfigError(f"oracle-icp has no option {', '.join([*given, *options.extra])}")
        return cls()

    def estimate(self, observations: Observations) -> PoseEstimate:  # noqa: ARG002 - always refuses
        """Refuse: ICP needs a pose to start from.

        Raises:
            ConfigError: always.
        """
        raise ConfigError("oracle-icp only tracks: use genbench run --track")

    def track(self, observations: Observations, previous: PoseEstimate) -> PoseEstimate:
        """Return the pose that brings each surface onto its cloud, from the pose before.

        Raises:
            ConfigError: the observations come without surfaces.
        """
        if observations.surfaces is None:
            raise ConfigError("oracle-icp needs the objects' meshes: give --models DATA/obj_models")
        poses = np.stack(
            [
                self._register(cloud, surface, _to_matrix(rotation, translation))
                for cloud, surface, rotation, translation in zip(
                    observations.points,
                    observations.surfaces,
                    previous.rotation,
                    previous.translation,
                    strict=True,
                )
            ]
        )
        return PoseEstimate(rotation=poses[:, :3, :3], translation=poses[:, :3, 3])

    def _register(self, cloud: np.ndarray, surface: np.ndarray, pose: np.ndarray) -> np.ndarray:
        """Return the pose (4, 4), object to camera.

        Every observed point looks for its nearest on the surface, not the reverse: most of the
        surface is hidden and has no point to find.
        """
        from open3d.pipelines import registration

        found = registration.registration_icp(
            _to_open3d(cloud),
            _to_open3d(surface),
            self.reach_m,
            np.linalg.inv(pose),
            registration.TransformationEstimationPointToPoint(),
            registration.ICPConvergenceCriteria(max_iteration=self.iterations),
        )
        return np.linalg.inv(found.transformation)

    def describe(self) -> dict[str, Any]:
        """Return the constants of the method."""
        return {"iterations": self.iterations, "reach_m": self.reach_m, "variant": "point-to-point"}


def _to_matrix(rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, translation
    return matrix


def _to_open3d(points: np.ndarray) -> "open3d.geometry.PointCloud":
    from open3d.geometry import PointCloud
    from open3d.utility import Vector3dVector

    cloud: open3d.geometry.PointCloud = PointCloud(Vector3dVector(points.astype(np.float64)))
    return cloud
