"""How far every hypothesis of every matched detection is off, beside its energies."""

from dataclasses import dataclass

import numpy as np

from benchmark.errors import ConfigError
from benchmark.geometry.similarity import compute_rotation
from benchmark.geometry.symmetry import (
    compute_rotation_error,
    compute_translation_error,
    find_symmetric,
)
from leaderboards.runs import Run


@dataclass(frozen=True, kw_only=True)
class HypothesisErrors:
    """Errors and energies of the K hypotheses of n matched detections.

    Attributes:
        truth, detection: (n,) rows of both tables.
        degree, cm: (n, K) errors against the matched object, its symmetry respected.
        energies: (n, K, 2) rotation and translation energy; None if the method ranks nothing.
    """

    truth: np.ndarray
    detection: np.ndarray
    degree: np.ndarray
    cm: np.ndarray
    energies: np.ndarray | None


def compute_hypothesis_errors(run: Run) -> HypothesisErrors:
    """Compare every hypothesis with the object that its detection is matched to.

    Detections are matched as the default protocol matches them.

    Raises:
        ConfigError: the method has no hypotheses, or nothing is matched.
    """
    predictions = run.predictions
    if predictions.hypotheses is None:
        raise ConfigError(
            f"{run.folder}: {run.info.estimator} gives one pose without hypotheses: "
            "choose a run of a generative method"
        )
    (instances,) = run.evaluate().instances.values()
    truth = np.flatnonzero(instances.detection >= 0)
    if not len(truth):
        raise ConfigError(f"{run.folder}: no detection is matched to an object")
    detection = instances.detection[truth]
    truths = predictions.ground_truth.take(truth)
    poses = np.asarray(predictions.hypotheses)[detection].astype(np.float64)
    symmetric = find_symmetric(truths.category, truths.handle_visible)[:, None]
    rotation = compute_rotation(truths.transform)[:, None]
    shift = compute_translation_error(poses[..., 3], truths.transform[:, None, :3, 3])
    energies = predictions.energies
    return HypothesisErrors(
        truth=truth,
        detection=detection,
        degree=np.degrees(compute_rotation_error(poses[..., :3], rotation, symmetric)),
        cm=100.0 * shift,
        energies=None if energies is None else np.asarray(energies)[detection],
    )
