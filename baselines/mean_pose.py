"""The mean pose at the cloud's centroid: the smallest estimator, and the floor for all others."""

from typing import Any, ClassVar

import numpy as np

from benchmark.errors import ConfigError
from benchmark.estimator import EstimatorOptions, EstimatorSpec, Observations, PoseEstimate


class MeanPose:
    """Guesses an upright object, seen from above at the usual tilt of a table-top camera.

    It looks at nothing but the centroid, so whatever it scores is what a table gives for free.
    """

    spec: ClassVar[EstimatorSpec] = EstimatorSpec(
        name="mean-pose",
        summary="mean pose at the cloud's centroid (the floor for every method)",
        parameters=0.0,
    )
    tilt_deg: ClassVar[float] = 35.0

    @classmethod
    def load(cls, options: EstimatorOptions) -> "MeanPose":
        """Build the estimator.

        Raises:
            ConfigError: an option was given; it has none.
        """
        given = [name for name in ("preset", "weights") if getattr(options, name) is not None]
        if given or options.extra:
            raise ConfigError(f"mean-pose has no option {', '.join([*given, *options.extra])}")
        return cls()

    def estimate(self, observations: Observations) -> PoseEstimate:
        """Return the same rotation for every cloud, at its centroid."""
        count = len(observations)
        rotation = np.broadcast_to(_compute_tilted_upright(self.tilt_deg), (count, 3, 3))
        return PoseEstimate(rotation=rotation.copy(), translation=observations.points.mean(axis=1))

    def describe(self) -> dict[str, Any]:
        """Return the one constant that this estimator has."""
        return {"tilt_deg": self.tilt_deg}


def _compute_tilted_upright(tilt_deg: float) -> np.ndarray:
    """Return object-to-camera (3, 3): y up in the world, the camera looking down by `tilt_deg`.

    The object's y axis points up (-y of the camera) and leans towards the camera (-z).
    """
    sine, cosine = np.sin(np.deg2rad(tilt_deg)), np.cos(np.deg2rad(tilt_deg))
    return np.array([[1.0, 0.0, 0.0], [0.0, -cosine, sine], [0.0, -sine, -cosine]])
