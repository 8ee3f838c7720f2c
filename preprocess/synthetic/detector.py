"""Simulated instance segmentation with the habits of Mask R-CNN.

A mask is predicted at 28x28 pixels inside its box and then enlarged, so corners are rounded, thin
parts get lost and borders shift; some masks leak into their neighbourhood. Objects are missed, more
often the less of them is seen, found twice or taken for a similar category; distractors are sometimes
found. Confidences fall with the error of the mask and with occlusion.
"""

from dataclasses import dataclass

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
    leak: float = 0.08
    border: float = 0.45
    ripple: float = 0.22
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


def simulate_detections(
    instance: np.ndarray,
    categories: dict[int, int],
    visible: dict[int, float],
    rng: np.random.Generator,
    detector: DetectorModel = DetectorModel(),  # noqa: B008 - frozen
) -> SimulatedDetections:
    """Return what the simulated detector finds in a frame.

    Args:
        instance: (H, W) uint8 true instance ids.
        categories: class id of every instance, 0 for distractors.
        visible: fraction of every instance that nothing hides.
        rng: random stream of this frame.
        detector: rates of errors.
    """
    found: list[tuple[float, int, np.ndarray, np.ndarray, int]] = []
    blank = rng.random() < detector.blank
    for instance_id in sorted(categories):
        truth = instance == instance_id
        pixels = int(np.count_nonzero(truth))
        if pixels < _FEWEST_PIXELS or blank:
            continue
        for category in _draw_classes(
            categories[instance_id], pixels, visible[instance_id], detector, rng
        ):
            roi, mask = degrade_mask(truth, detector, rng)
            if np.count_nonzero(mask) < _FEWEST_PIXELS:
                continue
            confidence = _draw_confidence(truth, mask, visible[instance_id], rng)
            if category != categories[instance_id]:
                confidence *= rng.uniform(0.6, 0.9)
            found.append((confidence, category, roi, mask, instance_id))
    found.sort(key=lambda item: -item[0])
    return _collect(found, instance.shape)


def _draw_classes(
    category: int, pixels: int, visible: float, detector: DetectorModel, rng: np.random.Generator
) -> list[int]:
    """Draw the class of each detection that an object gives rise to: none, one or two."""
    seen, confused, doubled = rng.random(3)
    if category == 0:
        return [int(rng.integers(1, 7))] if seen < detector.on_distractor else []
    clarity = min(1.0, visible / detector.hidden) * min(1.0, pixels / detector.small)
    if seen < 1.0 - (1.0 - detector.miss) * clarity:
        return []
    found = _SIMILAR[category] if confused < detector.confuse else category
    return [found, category] if doubled < detector.double else [found]


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
    soft = cv2.GaussianBlur(soft, (0, 0), 0.7)
    soft += cv2.resize(
        rng.normal(0.0, detector.ripple / 2, (7, 7)).astype(np.float32),
        (_MASK_SIDE, _MASK_SIDE),
        interpolation=cv2.INTER_CUBIC,
    )
    if rng.random() < detector.leak:
        soft += _draw_leak(soft, rng)
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
    overlap = np.count_nonzero(truth & mask) / max(np.count_nonzero(truth | mask), 1)
    doubt = 0.02 + 0.5 * (1.0 - overlap) ** 1.5 + 0.12 * (1.0 - visible) ** 2
    return float(np.clip(1.0 - doubt * rng.gamma(2.0, 0.5), 0.1, 0.9999))


def _collect(
    found: list[tuple[float, int, np.ndarray, np.ndarray, int]], shape: tuple[int, ...]
) -> SimulatedDetections:
    masks = np.zeros((*shape, len(found)), bool)
    for index, (_, _, _, mask, _) in enumerate(found):
        masks[..., index] = mask
    return SimulatedDetections(
        class_ids=np.array([item[1] for item in found], np.int32),
        rois=np.array([item[2] for item in found], np.int32).reshape(-1, 4),
        scores=np.array([item[0] for item in found], np.float32),
        masks=masks,
        sources=np.array([item[4] for item in found], np.int32),
    )
