"""Boxes in the image and in space, and four ways to measure how far two of them overlap.

A box in space is a similarity transform (..., 4, 4), object to camera, and its extents (..., 3),
the sides divided by the transform's scale. Every function broadcasts over batch dimensions.
"""

import numpy as np

from benchmark.geometry.similarity import compute_rotation, compute_scale


def compute_image_iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the IoU (...) of pixel boxes (..., 4) as [y1, x1, y2, x2], both ends inclusive."""
    first, second = first.astype(np.float64), second.astype(np.float64)
    low = np.maximum(first[..., :2], second[..., :2])
    high = np.minimum(first[..., 2:], second[..., 2:])
    shared = np.prod(np.maximum(high - low + 1.0, 0.0), axis=-1)
    areas = sum(np.prod(box[..., 2:] - box[..., :2] + 1.0, axis=-1) for box in (first, second))
    return np.asarray(shared / (areas - shared))


def compute_corners(transform: np.ndarray, extents: np.ndarray) -> np.ndarray:
    """Return the corners (..., 8, 3) of boxes, in the camera frame."""
    signs = np.stack(np.meshgrid([1, -1], [1, -1], [1, -1], indexing="ij"), axis=-1).reshape(8, 3)
    corners = signs * extents[..., None, :] / 2.0
    turned = corners @ np.swapaxes(transform[..., :3, :3], -1, -2)
    return np.asarray(turned + transform[..., None, :3, 3])


def compute_official_iou(
    transform_1: np.ndarray,
    extents_1: np.ndarray,
    transform_2: np.ndarray,
    extents_2: np.ndarray,
    symmetric: np.ndarray | bool = False,
) -> np.ndarray:
    """Return what the evaluators of NOCS, SPD and GenPose call 3D IoU, bug included.

    They reduce the corner array over the wrong axis: a "box" is the product over its eight corners
    of the span between the corner's smallest and largest coordinate. The value depends on the
    distance to the camera and is no IoU of boxes; published IoU columns are made with it.

    Args:
        transform_1, extents_1: predicted boxes.
        transform_2, extents_2: true boxes.
        symmetric: where True, the largest value over 20 turns of the prediction about its y axis.
    """
    return _span_iou(transform_1, extents_1, transform_2, extents_2, symmetric, over_corners=False)


def compute_aligned_iou(
    transform_1: np.ndarray,
    extents_1: np.ndarray,
    transform_2: np.ndarray,
    extents_2: np.ndarray,
    symmetric: np.ndarray | bool = False,
) -> np.ndarray:
    """Return the IoU of the axis-aligned boxes around the posed boxes, as CATRE and SAR-Net do.

    Arguments as for `compute_official_iou`.
    """
    return _span_iou(transform_1, extents_1, transform_2, extents_2, symmetric, over_corners=True)


def _span_iou(
    transform_1: np.ndarray,
    extents_1: np.ndarray,
    transform_2: np.ndarray,
    extents_2: np.ndarray,
    symmetric: np.ndarray | bool,
    *,
    over_corners: bool,
) -> np.ndarray:
    from benchmark.geometry import box_kernels

    shape, flat = _flatten(transform_1, extents_1, transform_2, extents_2, symmetric)
    first, extents_1, second, extents_2, turned = flat
    iou = box_kernels.compute_span_iou(first, extents_1, second, extents_2, turned, over_corners)
    return np.asarray(iou).reshape(shape)


def compute_oriented_iou(
    transform_1: np.ndarray,
    extents_1: np.ndarray,
    transform_2: np.ndarray,
    extents_2: np.ndarray,
    symmetric: np.ndarray | bool = False,
) -> np.ndarray:
    """Return the exact IoU of oriented boxes.

    Arguments as for `compute_official_iou`, but a symmetric prediction is turned continuously: the
    largest IoU over all turns counts. NaN where a box is not finite or both have no volume.
    """
    from benchmark.geometry import box_kernels

    shape, flat = _flatten(transform_1, extents_1, transform_2, extents_2, symmetric)
    first, extents_1, second, extents_2, turned = flat
    iou = box_kernels.compute_oriented_iou(
        np.ascontiguousarray(compute_rotation(first)),
        np.ascontiguousarray(first[:, :3, 3]),
        extents_1 * compute_scale(first)[:, None],
        np.ascontiguousarray(compute_rotation(second)),
        np.ascontiguousarray(second[:, :3, 3]),
        extents_2 * compute_scale(second)[:, None],
        turned,
    )
    return np.asarray(iou).reshape(shape)


def _flatten(
    transform_1: np.ndarray,
    extents_1: np.ndarray,
    transform_2: np.ndarray,
    extents_2: np.ndarray,
    symmetric: np.ndarray | bool,
) -> tuple[tuple[int, ...], list[np.ndarray]]:
    """Broadcast the arguments against each other and join their batch dimensions into one."""
    arrays = [np.asarray(a) for a in (transform_1, extents_1, transform_2, extents_2, symmetric)]
    ends = [(4, 4), (3,), (4, 4), (3,), ()]
    kinds = ["f8", "f8", "f8", "f8", "?"]
    batches = [a.shape[: a.ndim - len(end)] for a, end in zip(arrays, ends, strict=True)]
    shape = np.broadcast_shapes(*batches)
    flat: list[np.ndarray] = [
        np.ascontiguousarray(np.broadcast_to(a, (*shape, *end)).reshape(-1, *end), dtype=kind)
        for a, end, kind in zip(arrays, ends, kinds, strict=True)
    ]
    return shape, flat
