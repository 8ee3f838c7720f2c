"""Pose errors that respect a rotational symmetry about the object's y axis."""

import numpy as np

from benchmark.categories import CATEGORIES
from benchmark.geometry.rotations import compute_angle, rotation_about_y


def find_symmetric(category: np.ndarray, handle_visible: np.ndarray) -> np.ndarray:
    """Tell for every object (...) whether any turn about its y axis is the same pose.

    Args:
        category: class ids 1 to 6.
        handle_visible: 0 where a mug's handle cannot be seen; ignored for other categories.
    """
    always = np.array([False, *(item.symmetry == "axis" for item in CATEGORIES)])
    hidden = np.array([False, *(item.symmetry == "axis_if_handle_hidden" for item in CATEGORIES)])
    return np.asarray(always[category] | (hidden[category] & (np.asarray(handle_visible) == 0)))


def compute_rotation_error(
    first: np.ndarray, second: np.ndarray, symmetric: np.ndarray | bool = False
) -> np.ndarray:
    """Return the rotation error in radians between rotations (..., 3, 3).

    Args:
        first, second: rotations, object to camera.
        symmetric: (...) where True, only the direction of the y axis counts: the error is the
            smallest angle over all turns of either object about its own y axis.
    """
    return np.where(symmetric, compute_axis_angle(first, second), compute_angle(first, second))


def compute_axis_angle(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the angle in radians between the y axes of rotations (..., 3, 3)."""
    first, second = first[..., :, 1], second[..., :, 1]
    across = np.cross(first, second)
    sine = np.sqrt(np.einsum("...i,...i->...", across, across))
    return np.asarray(np.arctan2(sine, np.einsum("...i,...i->...", first, second)))


def compute_translation_error(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the distance (...) between translations (..., 3), in their unit."""
    difference = first - second
    return np.asarray(np.sqrt(np.einsum("...i,...i->...", difference, difference)))


def align_to_camera(rotation: np.ndarray) -> np.ndarray:
    """Turn rotations (..., 3, 3) about their own y axis into the canonical one.

    Of all turns, the one whose x axis lies nearest to the camera's x axis and z axis nearest to
    the camera's z axis is taken, so that equal poses of a symmetric object become equal matrices.
    """
    angle = np.arctan2(
        rotation[..., 0, 2] - rotation[..., 2, 0], rotation[..., 0, 0] + rotation[..., 2, 2]
    )
    return np.asarray(rotation @ rotation_about_y(-angle))
