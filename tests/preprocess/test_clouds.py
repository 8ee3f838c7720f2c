"""What is counted of a detection's mask."""

import numpy as np

from preprocess.clouds import Region, build_detections


def _region(mask: np.ndarray) -> Region:
    return Region(category=1, bbox=np.array([0, 0, 4, 6]), confidence=0.5, mask=mask)


def test_mask_and_depth_pixels_are_counted() -> None:
    depth = np.zeros((4, 6), np.float32)
    depth[:, :2] = 700.0
    left, all_of_it = np.zeros((4, 6), np.uint8), np.full((4, 6), 255, np.uint8)
    left[:2, :3] = 1
    detections = build_detections([_region(left), _region(all_of_it), _region(0 * left)], depth)
    np.testing.assert_array_equal(detections.mask_pixels, [6, 24, 0])
    np.testing.assert_array_equal(detections.depth_pixels, [4, 8, 0])


def test_a_frame_without_detections_counts_nothing() -> None:
    assert len(build_detections([], np.zeros((4, 6)))) == 0
