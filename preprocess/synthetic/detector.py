"""Simulated instance segmentation with the habits of Mask R-CNN.

A mask is predicted at 28x28 pixels inside its box and then enlarged, so corners are rounded, thin
parts get lost and borders shift; some masks leak into their neighbourhood. Objects are missed (the
less of them is seen, the more often), found twice or taken for a similar category; distractors are
sometimes found. Confidences fall with the error of the mask and with occlusion.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from preprocess.clouds import compute_mask_box

_SIMILAR = {1: 4, 2: 6, 3: 5, 4: 1, 5: 3, 6: 2}
_MASK_SIDE = 28
_FEWEST_PIXELS = 24


@dataclass(frozen=True, kw_only=True)
class DetectorModel:
    """Rates and sizes of the simulated detector's errors.

    Attributes:
        miss: chance to miss an object that is fully seen.
        hidden: visible fraction below which misses rise towards certainty.
        small: visible pixels below which they do likewise.
        confuse: chance of the similar category instead of the right one.
        double: chance of a second, poorer detection.
        on_distractor: chance of a false detection on a distractor.
        leak: chance that the mask spills over its border into a blob.
        border: spread of the border's overall shift, in 28ths of the box.
        ripple: spread of its local shift, as share of the soft mask's range.
        box: spread of the box sides' error, relative to the box.
        blank: chance that a frame has no detection at all.
    """

    miss: float = 0.012
    hidden: float = 0.25
    small: float = 350.0
    confuse: float = 0.012
    double: float = 0.04
    on_distractor: float = 0.2
    leak: float = 0.12
    border: float = 0.55
    ripple: float = 0.28
    box: float = 0.025
    blank: float = 0.006


@dataclass(frozen=True, kw_only=True)
class SimulatedDetections:
    """Detections of one frame in descending order of confidence.

    Attributes:
        class_ids: (N,) int32, 1 to 6.
        rois: (N, 4) int32 boxes [y1, x1, y2, x2].
        scores: (N,) float32 confidences.
        masks: (H, W, N) bool.
        sources: (N,) int32 instance id of the object that each was made from; known only here.
    """

    class_ids: np.ndarray
    rois: np.ndarray
    scores: np.ndarray
    masks: np.ndarray
    sources: np.ndarray


class TrueObject(NamedTuple):
    """An object of the scene: its id in the mask, its class id (0 for a distractor), and the
    fraction of it that nothing hides."""

    instance_id: int
    category: int
    visible: float


class _Found(NamedTuple):
    """One detection, and the object it was made from."""

    confidence: float
    category: int
    roi: np.ndarray
    mask: np.ndarray
    source: int


def simulate_detections(
    instance: np.ndarray,
    objects: Sequence[TrueObject],
    rng: np.random.Generator,
    detector: DetectorModel | None = None,
) -> SimulatedDetections:
    """Return what the simulated detector finds in a frame.

    Args:
        instance: (H, W) uint8 true instance ids.
        objects: everything in the scene, seen or not.
        rng: random stream of this frame.
        detector: rates of errors, the usual ones if None.
    """
    detector = detector or DetectorModel()
    found: list[_Found] = []
    if rng.random() >= detector.blank:
        for item in objects:
            found += _detect(instance == item.instance_id, item, detector, rng)
    found.sort(key=lambda detection: -detection.confidence)
    return _collect(found, instance.shape)


def _detect(
    truth: np.ndarray, item: TrueObject, detector: DetectorModel, rng: np.random.Generator
) -> list[_Found]:
    """Return the detections that one object, seen at the pixels `truth` (H, W), gives rise to."""
    pixels = int(np.count_nonzero(truth))
    if pixels < _FEWEST_PIXELS:
        return []
    found = []
    for category in _draw_classes(item, pixels, detector, rng):
        roi, mask = degrade_mask(truth, detector, rng)
        confidence = _draw_confidence(truth, mask, item.visible, rng)
        if category != item.category:
            confidence *= rng.uniform(0.6, 0.9)
        if np.count_nonzero(mask) >= _FEWEST_PIXELS:
            found.append(_Found(confidence, category, roi, mask, item.instance_id))
    return found


def _draw_classes(
    item: TrueObject, pixels: int, detector: DetectorModel, rng: np.random.Generator
) -> list[int]:
    """Draw the class of each detection that an object gives rise to: none, one or two."""
    seen, confused, doubled = rng.random(3)
    if item.category == 0:
        return [int(rng.integers(1, 7))] if seen < detector.on_distractor else []
    clarity = min(1.0, item.visible / detector.hidden) * min(1.0, pixels / detector.small)
    if seen < 1.0 - (1.0 - detector.miss) * clarity:
        return []
    found = _SIMILAR[item.category] if confused < detector.confuse else item.category
    return [found, item.category] if doubled < detector.double else [found]


def degrade_mask(
    truth: np.ndarray, detector: DetectorModel, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the box (4,) and mask (H, W) that the detector predicts for a true mask."""
    import cv2

    roi = _draw_box(compute_mask_box(truth), truth.shape, detector, rng)
    top, left, bottom, right = roi
    soft = cv2.resize(
        truth[top:bottom, left:right].astype(np.float32),
        (_MASK_SIDE, _MASK_SIDE),
        interpolation=cv2.INTER_AREA,
    )
    soft = np.asarray(cv2.GaussianBlur(soft, (0, 0), 0.7))
    ripple = rng.normal(0.0, detector.ripple / 2, (7, 7)).astype(np.float32)
    side = (_MASK_SIDE, _MASK_SIDE)
    soft = soft + np.asarray(cv2.resize(ripple, side, interpolation=cv2.INTER_CUBIC))
    if rng.random() < detector.leak:
        soft = soft + _draw_leak(soft, rng)
    threshold = 0.5 + 0.3 * rng.normal(0.0, detector.border)
    large = cv2.resize(soft, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
    mask = np.zeros(truth.shape, bool)
    mask[top:bottom, left:right] = large > np.clip(threshold, 0.2, 0.8)
    return roi, mask


def _draw_leak(soft: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a blob (28, 28) over the mask's border, through which it spills outwards."""
    border = np.argwhere((soft > 0.3) & (soft < 0.7))
    if not len(border):
        return np.zeros_like(soft)
    centre = border[rng.integers(len(border))]
    distance = np.linalg.norm(np.indices(soft.shape) - centre[:, None, None], axis=0)
    blob: np.ndarray = (distance < rng.uniform(2.5, 5.0)).astype(np.float32)
    return blob


def _draw_box(
    box: np.ndarray, shape: tuple[int, ...], detector: DetectorModel, rng: np.random.Generator
) -> np.ndarray:
    """Return the true box with errors on its sides, inside the image, at least two pixels wide."""
    height, width = box[2] - box[0], box[3] - box[1]
    spread = detector.box * np.array([height, width, height, width]) + 0.5
    noisy = np.rint(box + np.clip(rng.standard_normal(4), -2.0, 2.0) * spread).astype(np.int32)
    noisy[:2] = np.clip(noisy[:2], 0, np.array(shape) - 2)
    noisy[2:] = np.clip(noisy[2:], noisy[:2] + 2, shape)
    return noisy


def _draw_confidence(
    truth: np.ndarray, mask: np.ndarray, visible: float, rng: np.random.Generator
) -> float:
    """Draw a confidence that falls with the mask's error and the hidden share of the object."""
    together = np.count_nonzero(truth | mask)
    overlap = np.count_nonzero(truth & mask) / max(int(together), 1)
    doubt = 0.004 + 0.6 * (1.0 - overlap) + 0.12 * (1.0 - visible) ** 2
    return float(np.clip(1.0 - doubt * rng.gamma(3.0, 1.0 / 3.0), 0.1, 0.9999))


def _collect(found: list[_Found], shape: tuple[int, ...]) -> SimulatedDetections:
    masks = np.zeros((*shape, len(found)), bool)
    for index, detection in enumerate(found):
        masks[..., index] = detection.mask
    return SimulatedDetections(
        class_ids=np.array([detection.category for detection in found], np.int32),
        rois=np.array([detection.roi for detection in found], np.int32).reshape(-1, 4),
        scores=np.array([detection.confidence for detection in found], np.float32),
        masks=masks,
        sources=np.array([detection.source for detection in found], np.int32),
    )
