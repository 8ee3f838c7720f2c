"""The contract between genbench and a pose estimator.

An estimator sees batches of observations and returns pose hypotheses, or one pose each. It is a
plain class registered under a name (`benchmark.registry`); it needs nothing else of genbench.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np

from benchmark.errors import ConfigError

TrackStart = Literal["truth", "perturbed"]


@dataclass(frozen=True, kw_only=True)
class EstimatorSpec:
    """What an estimator needs and gives, as data.

    Attributes:
        name: registered name.
        summary: one line for `genbench list`.
        needs: extra inputs besides the cloud, of "rgb", "prior", "cad".
        gives: of "size", "hypotheses", "energies", "tracking".
        reference: paper or page that describes the method.
        parameters: trainable parameters in millions, None if unknown.
    """

    name: str
    summary: str
    needs: frozenset[str] = frozenset()
    gives: frozenset[str] = frozenset()
    reference: str = ""
    parameters: float | None = None


@dataclass(frozen=True, kw_only=True)
class Observations:
    """A batch of B partial point clouds, one per detection.

    Attributes:
        points: (B, 1024, 3) float32, camera frame, metres, not centred.
        category: (B,) uint8 class ids 1 to 6 of the detections.
        seeds: (B,) uint64, one for each observation, derived from the run's seed, the frame and the
            detection. All randomness of an observation comes from its own seed, so batch size,
            order and workers never change a result.
        intrinsics: (B, 4) float64 fx, fy, cx, cy in pixels.
        crops: (B, S, S, 3) uint8 colour crops for estimators that need "rgb", else None.
        surfaces: B arrays (P, 3) of points on the objects' own surfaces, object frame, metres, for
            estimators that need "cad", else None.
    """

    points: np.ndarray
    category: np.ndarray
    seeds: np.ndarray
    intrinsics: np.ndarray
    crops: np.ndarray | None = None
    surfaces: tuple[np.ndarray, ...] | None = None

    def __len__(self) -> int:
        return len(self.points)

    def take(self, rows: np.ndarray | slice) -> "Observations":
        """Return the observations picked by an index array, mask or slice."""
        picked: dict[str, Any] = {
            item.name: None if value is None else value[rows]
            for item in fields(self)
            if item.name != "surfaces"
            for value in [getattr(self, item.name)]
        }
        if self.surfaces is not None:
            picked["surfaces"] = tuple(self.surfaces[row] for row in np.arange(len(self))[rows])
        return Observations(**picked)


@dataclass(frozen=True, kw_only=True)
class PoseHypotheses:
    """K sampled poses per observation, in draw order.

    Attributes:
        rotation: (B, K, 3, 3) float32, object to camera.
        translation: (B, K, 3) float32, metres.
        energies: (B, K, 2) float32, rotation and translation energy, larger is likelier; None for
            a method that ranks nothing.
    """

    rotation: np.ndarray
    translation: np.ndarray
    energies: np.ndarray | None = None

    @classmethod
    def join(cls, parts: Sequence["PoseHypotheses"]) -> "PoseHypotheses":
        """Return the hypotheses of all parts, one after the other."""
        energies = [part.energies for part in parts if part.energies is not None]
        return cls(
            rotation=np.concatenate([part.rotation for part in parts]),
            translation=np.concatenate([part.translation for part in parts]),
            energies=np.concatenate(energies) if energies else None,
        )


@dataclass(frozen=True, kw_only=True)
class PoseEstimate:
    """One pose per observation.

    Attributes:
        rotation: (B, 3, 3), object to camera.
        translation: (B, 3), metres.
        size: (B, 3) box sides in metres, None for a method that predicts none.
        hypotheses: what the estimate was pooled from, None for a deterministic method.
    """

    rotation: np.ndarray
    translation: np.ndarray
    size: np.ndarray | None = None
    hypotheses: PoseHypotheses | None = None


@dataclass(frozen=True, kw_only=True)
class EstimatorOptions:
    """Options that `genbench run` hands to every estimator; each takes what concerns it.

    Attributes:
        preset: named configuration of the estimator ("compact", "paper").
        weights: checkpoint file or folder; None takes the estimator's shipped weights.
        hypotheses: K, the number of poses to sample.
        keep: fraction of the hypotheses that is pooled (delta of the paper).
        device: torch device name ("cpu", "cuda"), "auto" takes a GPU where there is one.
        tracking: poses are to be tracked, not estimated frame by frame.
        extra: estimator-specific options (t0, sampler, steps, ranking).
    """

    preset: str | None = None
    weights: Path | None = None
    hypotheses: int = 50
    keep: float = 0.6
    device: str = "auto"
    tracking: bool = False
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.hypotheses < 1:
            raise ConfigError(f"hypotheses: expected 1 or more, got {self.hypotheses}")
        if not 0 < self.keep <= 1:
            raise ConfigError(f"keep: expected a fraction above 0, up to 1, got {self.keep}")


@runtime_checkable
class PoseEstimator(Protocol):
    """What a registered estimator class provides."""

    spec: ClassVar[EstimatorSpec]

    @classmethod
    def load(cls, options: EstimatorOptions) -> "PoseEstimator":
        """Build the estimator, reading its weights.

        Raises:
            ConfigError: an option that the estimator cannot honour.
        """
        ...

    def estimate(self, observations: Observations) -> PoseEstimate:
        """Return one pose per observation, with the hypotheses it was pooled from, if any."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return the resolved configuration as plain values, for the provenance.

        Under "fingerprints" it holds the SHA-256 of every weights file, by name, if there are any.
        """
        ...


@runtime_checkable
class PoseTracker(PoseEstimator, Protocol):
    """What an estimator that gives "tracking" provides besides.

    It keeps no state: what it knows of an object is the pose of the frame before, so that one
    tracker follows any number of objects.

    Attributes:
        start: the first pose of an object, as the method's protocol has it: its true pose, or that
            with the noise of CAPTRA and CATRE.
    """

    start: ClassVar[TrackStart]

    def track(self, observations: Observations, previous: PoseEstimate) -> PoseEstimate:
        """Return the pose of each observation, given that of the same object one frame before."""
        ...
