"""The habits of an instance segmentation network, imitated on perfect masks."""

import numpy as np

_NETWORK_SIDE = 28  # Mask R-CNN predicts masks of this side and enlarges them to the box


def imitate_detector(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a mask (h, w) bool as a detector might draw it: coarse, off by pixels, with leaks.

    Args:
        mask: (h, w) bool, the visible object, in an image or a part of one with a margin.
        rng: random stream.
    """
    drawn = coarsen_mask(mask) if rng.random() < 0.5 else mask
    if rng.random() < 0.7:
        drawn = shift_border(drawn, int(rng.integers(1, 4)) * int(rng.choice([-1, 1])))
    if rng.random() < 0.3:
        drawn = drawn | _draw_blob(drawn, rng)
    if rng.random() < 0.25:
        drawn = drawn & ~_draw_blob(drawn, rng)
    return drawn


def coarsen_mask(mask: np.ndarray) -> np.ndarray:
    """Return the mask after a passage through the network's small grid over its box."""
    import cv2

    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return mask
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    box = mask[part].astype(np.float32)
    small = cv2.resize(box, (_NETWORK_SIDE, _NETWORK_SIDE), interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, box.shape[::-1], interpolation=cv2.INTER_LINEAR)
    drawn = np.zeros_like(mask)
    drawn[part] = large > 0.5
    return drawn


def shift_border(mask: np.ndarray, pixels: int) -> np.ndarray:
    """Return the mask grown by so many pixels, or shrunk where the number is negative."""
    import cv2

    side = 2 * abs(pixels) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    change = cv2.dilate if pixels > 0 else cv2.erode
    shifted: np.ndarray = change(mask.astype(np.uint8), kernel) > 0
    return shifted


def _draw_blob(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a round patch (h, w) bool on the border of the mask, a tenth of it or so in size."""
    border = np.flatnonzero(mask ^ shift_border(mask, -1))
    if not len(border):
        return np.zeros_like(mask)
    row, column = divmod(int(border[rng.integers(len(border))]), mask.shape[1])
    radius = np.sqrt(mask.sum()) * rng.uniform(0.08, 0.28)
    stretch = np.exp(rng.uniform(-0.5, 0.5))
    rows, columns = np.ogrid[: mask.shape[0], : mask.shape[1]]
    blob: np.ndarray = ((rows - row) ** 2 * stretch + (columns - column) ** 2 / stretch) < radius**2
    return blob
