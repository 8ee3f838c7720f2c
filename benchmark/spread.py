"""How far the hypotheses of a detection lie from its estimate: the estimate's own error bar."""

from dataclasses import dataclass

import numpy as np

from benchmark.geometry.similarity import compute_rotation
from benchmark.geometry.symmetry import (
    compute_rotation_error,
    compute_translation_error,
    find_symmetric,
)
from benchmark.predictions import Predictions

_DETECTIONS_AT_A_TIME = 1024


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Half of a detection's hypotheses lie within these distances of its estimate.

    Attributes:
        rotation_deg: (detections,) angle in degrees; of the symmetry axis alone for bottles, bowls
            and cans.
        translation_cm: (detections,) distance in centimetres.
    """

    rotation_deg: np.ndarray
    translation_cm: np.ndarray


def compute_spread(predictions: Predictions) -> Spread:
    """Return the spread of every detection; NaN where there is no estimate or no hypothesis."""
    count = len(predictions.detections)
    rotation_deg, translation_cm = np.full(count, np.nan), np.full(count, np.nan)
    if predictions.hypotheses is not None:
        estimated = np.flatnonzero(predictions.estimates.estimated)
        for start in range(0, len(estimated), _DETECTIONS_AT_A_TIME):
            rows = estimated[start : start + _DETECTIONS_AT_A_TIME]
            angle, distance = _compute_deviations(predictions, predictions.hypotheses, rows)
            rotation_deg[rows] = np.rad2deg(np.median(angle, axis=1))
            translation_cm[rows] = 100 * np.median(distance, axis=1)
    return Spread(rotation_deg=rotation_deg, translation_cm=translation_cm)


def _compute_deviations(
    predictions: Predictions, hypotheses: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return angle and distance (rows, K) of the hypotheses from the estimate."""
    estimate = predictions.estimates.transform[rows, None]
    poses = np.asarray(hypotheses[rows], dtype=np.float64)
    category = predictions.detections.category[rows]
    symmetric = find_symmetric(category, np.ones(len(rows)))[:, None]
    return (
        compute_rotation_error(compute_rotation(estimate), poses[..., :3], symmetric),
        compute_translation_error(estimate[..., :3, 3], poses[..., 3]),
    )
