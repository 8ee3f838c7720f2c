"""How people put objects down, and where a hand-held camera sees them from.

World: y up, support plane y = 0, metres. Scenes and single training objects share these choices.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from preprocess.synthetic.models import ObjectModel

Source = Literal["camera", "real"]

# Chance of standing upright by class id; what does not stand lies, as `_lie_down` says.
_UPRIGHT = {0: 0.9, 1: 0.88, 2: 0.94, 3: 0.94, 4: 0.86, 5: 1.0, 6: 0.9}
_LEANING = 0.04
_LARGEST_LEAN = np.deg2rad(20.0)


@dataclass(frozen=True, kw_only=True)
class Placement:
    """A model's pose in the world.

    Attributes:
        model: the object.
        rotation: (3, 3) object to world.
        translation: (3,) box centre in the world, metres.
    """

    model: ObjectModel
    rotation: np.ndarray
    translation: np.ndarray


def rotate_about(axis: Literal["x", "y", "z"], angle: float) -> np.ndarray:
    """Return the right-handed rotation (3, 3) by `angle` about a coordinate axis."""
    cos, sin = np.cos(angle), np.sin(angle)
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    rotation = np.eye(3)
    rotation[[first, second], [first, second]] = cos
    rotation[first, second], rotation[second, first] = -sin, sin
    return rotation


def sample_resting_rotation(model: ObjectModel, rng: np.random.Generator) -> np.ndarray:
    """Draw an object-to-world rotation: mostly upright, sometimes lying, rarely leaning."""
    rotation: np.ndarray = np.eye(3)
    if rng.random() > _UPRIGHT[model.category]:
        rotation = _lie_down(model.category, rng)
    if rng.random() < _LEANING and model.category != 5:
        heading = rotate_about("y", rng.uniform(0, 2 * np.pi))
        rotation = heading @ rotate_about("x", rng.uniform(0, _LARGEST_LEAN)) @ rotation
    turned: np.ndarray = rotate_about("y", rng.uniform(0, 2 * np.pi)) @ rotation
    return turned


def _lie_down(category: int, rng: np.random.Generator) -> np.ndarray:
    """Return a rotation onto another side: round things roll, bowls turn over, cameras look up."""
    if category == 2:
        return rotate_about("x", np.pi)
    if category == 3:
        return rotate_about("z", np.pi / 2)
    # A mug's handle points to one side of straight up; everything else may roll anywhere.
    about_axis = rng.uniform(-1.2, 1.2) if category == 6 else rng.uniform(0, 2 * np.pi)
    rolled: np.ndarray = rotate_about("z", np.pi / 2) @ rotate_about("y", about_axis)
    return rolled


def rest_on_plane(
    model: ObjectModel, rotation: np.ndarray, x: float = 0.0, z: float = 0.0
) -> Placement:
    """Return the model with this rotation, its lowest vertex touching the plane y = 0."""
    lowest = float((model.vertices @ rotation[1]).min())
    return Placement(model=model, rotation=rotation, translation=np.array([x, -lowest, z]))


def sample_direction(rng: np.random.Generator) -> np.ndarray:
    """Draw the unit vector (3,) from an object to the camera: 10 to 65 degrees above the plane."""
    elevation = np.deg2rad(10 + 55 * rng.beta(2.0, 2.2))
    azimuth = rng.uniform(0, 2 * np.pi)
    level = np.cos(elevation)
    return np.array([level * np.cos(azimuth), np.sin(elevation), level * np.sin(azimuth)])


def sample_distance(source: Source, rng: np.random.Generator) -> float:
    """Draw the distance from camera to object in metres: 0.4 to 1.6 in Real, 0.5 to 2 in CAMERA."""
    middle, low, high = (0.85, 0.4, 1.6) if source == "real" else (1.0, 0.5, 2.0)
    return float(np.clip(middle * np.exp(0.32 * rng.standard_normal()), low, high))


def sample_roll(rng: np.random.Generator) -> float:
    """Draw the camera's turn about its optical axis: within 25 degrees, mostly a few."""
    return float(np.deg2rad(np.clip(9.0 * rng.standard_normal(), -25, 25)))
