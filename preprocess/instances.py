"""The objects that can be seen in a frame, and SPD's rules for leaving some out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from preprocess.clouds import compute_mask_box
from preprocess.frame_tables import QuarantineRow, Rejected, rejecting
from preprocess.frames import MetaInstance, NocsFrame, mark_background, read_meta
from preprocess.images import check_same_size, read_depth, read_mask

MIN_VALID_PIXELS = 64
BROKEN_DEPTH_MM = 32_000
LARGEST_BOX = (440, 600)
"""Height and width above which SPD takes a box for a rendering error."""

_BAD_MODELS = ("b9be7cfe653740eb7633a2dd89cec754", "d3b53f56b4a7b3b3c9f016d57db96408")


@dataclass(frozen=True, kw_only=True)
class FrameImages:
    """What a frame's own files say, checked against each other.

    Attributes:
        depth_mm: (h, w) uint16, 0 where unknown.
        mask: (h, w) uint8 instance ids as stored.
        meta: rows of `_meta.txt`.
    """

    depth_mm: np.ndarray
    mask: np.ndarray
    meta: list[MetaInstance]


@dataclass(frozen=True, kw_only=True)
class VisibleInstance:
    """An object of one of the six categories with pixels in the mask.

    Attributes:
        meta: its row of `_meta.txt`.
        bbox: (4,) int32 pixel box of its mask, upper ends excluded.
        mask: (height, width) bool, its pixels within the box.
    """

    meta: MetaInstance
    bbox: np.ndarray
    mask: np.ndarray

    @property
    def visible_pixels(self) -> int:
        """Pixels of its mask."""
        return int(np.count_nonzero(self.mask))

    def select(self, image: np.ndarray) -> np.ndarray:
        """Return the values (n, ...) of an image (h, w, ...) at its pixels, in row-major order."""
        y1, x1, y2, x2 = self.bbox
        values: np.ndarray = image[y1:y2, x1:x2][self.mask]
        return values

    def find_pixels(self) -> np.ndarray:
        """Return the column and row (n, 2) of its pixels, in row-major order."""
        rows, cols = np.divmod(np.flatnonzero(self.mask), max(self.mask.shape[1], 1))
        return np.stack([cols + self.bbox[1], rows + self.bbox[0]], axis=1)


def read_frame(frame: NocsFrame) -> FrameImages:
    """Read depth, mask and metadata of a frame.

    Raises:
        Rejected: one of them cannot be read, or sizes differ.
    """
    depth_path, mask_path = frame.get_path("depth.png"), frame.get_path("mask.png")
    with rejecting("unreadable_depth"):
        depth_mm = read_depth(depth_path)
    with rejecting("unreadable_mask"):
        mask = read_mask(mask_path)
    with rejecting("unreadable_meta"):
        meta = read_meta(frame.get_path("meta.txt"))
    with rejecting("size_mismatch"):
        check_same_size({depth_path: depth_mm, mask_path: mask})
    return FrameImages(depth_mm=depth_mm, mask=mask, meta=meta)


def find_instances(mask: np.ndarray, meta: Sequence[MetaInstance]) -> list[VisibleInstance]:
    """Return the objects of the six categories that the mask shows, by ascending id.

    Args:
        mask: (h, w) uint8 ids as stored.
        meta: rows of `_meta.txt`; those without a pixel, and distractors, are left out.

    Raises:
        Rejected: no such object, or one whose box covers so much that the rendering is broken.
    """
    mask = mark_background(mask, {instance.id for instance in meta})
    listed = [
        _locate(mask, instance)
        for instance in sorted(meta, key=lambda instance: instance.id)
        if instance.category > 0
    ]
    found = [instance for instance in listed if instance.visible_pixels]
    if not found:
        raise Rejected("no_foreground", "no object of the six categories in the mask")
    for instance in found:
        height, width = instance.bbox[2:] - instance.bbox[:2]
        if height > LARGEST_BOX[0] or width > LARGEST_BOX[1]:
            detail = f"object {instance.meta.id} covers {width}x{height} pixels: broken rendering"
            raise Rejected("rendering_error", detail)
    return found


def _locate(mask: np.ndarray, meta: MetaInstance) -> VisibleInstance:
    own = mask == meta.id
    bbox = compute_mask_box(own)
    block = own[bbox[0] : bbox[2], bbox[1] : bbox[3]]
    return VisibleInstance(meta=meta, bbox=bbox, mask=block)


def select_usable(
    frame_id: str, instances: Sequence[VisibleInstance], depth_mm: np.ndarray
) -> tuple[list[VisibleInstance], list[QuarantineRow]]:
    """Divide instances into those that SPD keeps and quarantine rows for the others."""
    usable, left_out = [], []
    for instance in instances:
        problem = _find_problem(instance, depth_mm)
        if problem is None:
            usable.append(instance)
        else:
            left_out.append((frame_id, instance.meta.id, *problem))
    return usable, left_out


def _find_problem(instance: VisibleInstance, depth_mm: np.ndarray) -> tuple[str, str] | None:
    """Return reason and detail why an instance cannot be used; None if it can."""
    if instance.meta.model in _BAD_MODELS:
        return "known_bad_model", f"model {instance.meta.model} is broken in NOCS"
    y1, x1, y2, x2 = instance.bbox
    depth = depth_mm[y1:y2, x1:x2] * instance.mask  # several times as fast as to select
    valid = int(np.count_nonzero(depth))
    if valid < MIN_VALID_PIXELS:
        return "too_few_pixels", f"{valid} pixels with depth, expected {MIN_VALID_PIXELS} or more"
    if depth.max() > BROKEN_DEPTH_MM:
        return "broken_depth", f"depth up to {int(depth.max())} mm, expected less than 32 m"
    return None
