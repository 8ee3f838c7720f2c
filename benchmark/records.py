"""The column tables that shards and predictions share: frames, ground truth and detections.

Camera frame: OpenCV's (x right, y down, z forward), metres. Object frame: NOCS (y up). Boxes are
`[y1, x1, y2, x2]` in pixels, as in every NOCS file. A row of one table names a row of another by
its index in the same file.
"""

from dataclasses import dataclass

import numpy as np

from benchmark.columns import Table, column
from benchmark.geometry.similarity import compute_rotation as compute_rotation
from benchmark.geometry.similarity import compute_scale as compute_scale


@dataclass(frozen=True, kw_only=True)
class Frames(Table):
    """One row per image.

    Attributes:
        id: unique name, the prefix of the frame's files below the data root
            ("Real/test/scene_1/0000").
        scene: sequence that the frame belongs to ("Real/test/scene_1"); tracking never crosses it.
        number: position in the sequence, ascending in time.
        intrinsics: fx, fy, cx, cy in pixels.
        image_size: width, height in pixels.
    """

    id: np.ndarray = column("str")
    scene: np.ndarray = column("str")
    number: np.ndarray = column("i4")
    intrinsics: np.ndarray = column("f8", 4)
    image_size: np.ndarray = column("i4", 2)


@dataclass(frozen=True, kw_only=True)
class GroundTruth(Table):
    """One row per annotated object: everything an evaluator needs to know of it.

    Attributes:
        frame: row of the frame.
        category: class id, 1 to 6.
        instance: model name ("mug_white_green_norm").
        transform: object-to-camera similarity, scale * R in the upper left block, t in metres.
        extents: box sides divided by the scale; size in metres = scale * extents.
        bbox: pixel box of the visible mask.
        handle_visible: 0 only for a mug whose handle cannot be seen.
        visible_pixels: pixels of the instance's mask, -1 where unknown.
    """

    frame: np.ndarray = column("i4")
    category: np.ndarray = column("u1")
    instance: np.ndarray = column("str")
    transform: np.ndarray = column("f8", 4, 4)
    extents: np.ndarray = column("f8", 3)
    bbox: np.ndarray = column("i4", 4)
    handle_visible: np.ndarray = column("u1")
    visible_pixels: np.ndarray = column("i4")


@dataclass(frozen=True, kw_only=True)
class Detections(Table):
    """One row per detection, usable or not, in the order of the detector's file.

    Attributes:
        frame: row of the frame.
        category: class id, 1 to 6.
        bbox: pixel box as the detector gave it.
        confidence: the detector's confidence, 0 to 1.
        mask_pixels: pixels of the detection's mask; absent where no mask was at hand.
        depth_pixels: those of them that have a depth; likewise.
    """

    frame: np.ndarray = column("i4")
    category: np.ndarray = column("u1")
    bbox: np.ndarray = column("i4", 4)
    confidence: np.ndarray = column("f4")
    mask_pixels: np.ndarray | None = column("i4", optional=True)
    depth_pixels: np.ndarray | None = column("i4", optional=True)
