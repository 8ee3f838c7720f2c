"""One object to look at, its neighbours on the same support, and a camera in front of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmark.categories import Intrinsics
from preprocess.synthetic.models import ObjectModel
from preprocess.synthetic.placement import (
    Placement,
    Source,
    rest_on_plane,
    sample_direction,
    sample_distance,
    sample_resting_rotation,
    sample_roll,
)
from preprocess.synthetic.views import View, look_at

_NEIGHBOUR_CHANCES = (0.18, 0.24, 0.26, 0.20, 0.12)
_MEAN_GAP = 0.04
_IMAGE_SPREAD = (0.21, 0.19)
_IMAGE_MARGIN = 0.08


@dataclass(frozen=True, kw_only=True)
class Arrangement:
    """A target and its neighbours in the world, and the camera.

    Attributes:
        placements: the target first.
        view: the camera.
    """

    placements: tuple[Placement, ...]
    view: View


def sample_arrangement(
    target: ObjectModel,
    draw_neighbour: Callable[[np.random.Generator], ObjectModel],
    source: Source,
    intrinsics: Intrinsics,
    rng: np.random.Generator,
) -> Arrangement:
    """Put a target and up to four neighbours down, and look at the target.

    Args:
        target: the object that the sample is about.
        draw_neighbour: draws a model of any class.
        source: whose range of distances to use.
        intrinsics: the camera's.
        rng: random stream.
    """
    middle = rest_on_plane(target, sample_resting_rotation(target, rng))
    count = rng.choice(len(_NEIGHBOUR_CHANCES), p=_NEIGHBOUR_CHANCES)
    headings = rng.uniform(0, 2 * np.pi) + 2 * np.pi / max(count, 1) * np.arange(count)
    headings += rng.uniform(-0.4, 0.4, count)
    around = [_place_beside(middle, draw_neighbour(rng), heading, rng) for heading in headings]
    return Arrangement(
        placements=(middle, *around), view=sample_view(middle, source, intrinsics, rng)
    )


def _place_beside(
    middle: Placement, model: ObjectModel, heading: float, rng: np.random.Generator
) -> Placement:
    """Put a model down in one direction from another, a small gap between them."""
    rotation = sample_resting_rotation(model, rng)
    direction = np.array([np.cos(heading), 0.0, np.sin(heading)])
    reach = (middle.model.vertices @ (middle.rotation.T @ direction)).max()
    reach += (model.vertices @ (rotation.T @ -direction)).max()
    x, _, z = (reach + rng.exponential(_MEAN_GAP)) * direction
    return rest_on_plane(model, rotation, x, z)


def sample_view(
    target: Placement, source: Source, intrinsics: Intrinsics, rng: np.random.Generator
) -> View:
    """Draw a camera that sees the target's centre somewhere in its image."""
    position = target.translation + sample_distance(source, rng) * sample_direction(rng)
    straight = look_at(position, target.translation, sample_roll(rng))
    size = np.array([intrinsics.width, intrinsics.height])
    place = np.clip(rng.normal(0.5, _IMAGE_SPREAD), _IMAGE_MARGIN, 1 - _IMAGE_MARGIN) * size
    ray = [(place[0] - intrinsics.cx) / intrinsics.fx, (place[1] - intrinsics.cy) / intrinsics.fy]
    aim = compute_turn_to(np.array([*ray, 1.0]))
    return View(rotation=aim @ straight.rotation, position=position)


def compute_turn_to(direction: np.ndarray) -> np.ndarray:
    """Return the smallest rotation (3, 3) that turns the optical axis into `direction` (3,)."""
    x, y, z = direction / np.linalg.norm(direction)
    return np.array(
        [
            [1 - x * x / (1 + z), -x * y / (1 + z), x],
            [-x * y / (1 + z), 1 - y * y / (1 + z), y],
            [-x, -y, z],
        ]
    )
