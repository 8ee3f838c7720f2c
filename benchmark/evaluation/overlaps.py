"""How far the detection and the object of each pair overlap, as the protocol measures it."""

import numpy as np

from benchmark.errors import ConfigError
from benchmark.evaluation.pairs import Pairs
from benchmark.evaluation.protocols import Overlap, Protocol, Sizes
from benchmark.geometry.boxes import (
    compute_aligned_iou,
    compute_image_iou,
    compute_official_iou,
    compute_oriented_iou,
)
from benchmark.geometry.similarity import compute_rotation, compute_scale
from benchmark.geometry.symmetry import find_symmetric
from benchmark.predictions import Predictions

_BOX_OVERLAPS = {
    "official": compute_official_iou,
    "aligned": compute_aligned_iou,
    "oriented": compute_oriented_iou,
}


def has_sizes(predictions: Predictions) -> bool:
    """Tell whether the method predicts sizes."""
    sized = np.isfinite(predictions.estimates.extents).any(axis=1)
    return bool((sized & (predictions.estimates.estimated != 0)).any())


def choose_overlap(protocol: Protocol, predictions: Predictions, sizes: Sizes) -> Overlap:
    """Return what decides whether a detection belongs to an object.

    Raises:
        ConfigError: the protocol matches by size and the method predicts none.
    """
    if protocol.overlap == "image" or sizes == "gt" or has_sizes(predictions):
        return protocol.overlap
    if protocol.id == "strict":
        return "image"
    raise ConfigError(
        f"protocol '{protocol.id}' matches by 3D box and {predictions.info.estimator} predicts no "
        "size: add --sizes gt to lend it the true ones (every table then says so), or use genpose "
        "or strict"
    )


def compute_overlaps(
    kind: Overlap,
    predictions: Predictions,
    pairs: Pairs,
    transform: np.ndarray,
    sizes: Sizes,
    sort_boxes: bool = True,
) -> np.ndarray:
    """Return the overlap (P,) of each pair, float32 as the evaluators store it; -1 for NaN.

    Args:
        kind: which overlap.
        predictions: the predictions that are scored.
        pairs: from `build_pairs`.
        transform: (D, 4, 4) estimated transforms of `pairs.detection`.
        sizes: "gt" gives every prediction the size of the object it is compared with.
        sort_boxes: see `Options`.
    """
    detection = pairs.detection[pairs.pair_detection]
    truths = predictions.ground_truth.take(pairs.truth[pairs.pair_truth])
    if kind == "image":
        boxes = predictions.detections.bbox
        if not sort_boxes:
            detection = _in_file_order(pairs)[pairs.pair_detection]
        overlap = compute_image_iou(boxes[detection], truths.bbox)
    else:
        symmetric = find_symmetric(truths.category, truths.handle_visible)
        posed, extents = transform[pairs.pair_detection], predictions.estimates.extents[detection]
        if sizes == "gt":
            posed, extents = _resize(posed, truths.transform), truths.extents
        compute = _BOX_OVERLAPS[kind]
        overlap = compute(posed, extents, truths.transform, truths.extents, symmetric)
    stored = overlap.astype(np.float32).astype(np.float64)
    return np.where(np.isnan(stored), -1.0, stored)


def _in_file_order(pairs: Pairs) -> np.ndarray:
    """Return the rows (D,) of the detections with each block in the file's order."""
    block = np.repeat(np.arange(len(pairs.pair_start) - 1), np.diff(pairs.detection_start))
    return pairs.detection[np.lexsort((pairs.detection, block))]


def _resize(transform: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return transforms with the scale of others."""
    resized = transform.copy()
    resized[:, :3, :3] = compute_rotation(transform) * compute_scale(other)[:, None, None]
    return resized
