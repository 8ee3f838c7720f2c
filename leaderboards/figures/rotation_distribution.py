"""Figure 4: the rotations that are sampled for a symmetric and an asymmetric object.

A rotation is shown as in the implicit-PDF paper (Murphy et al., ICML 2021): where one object axis
points is a place on a map of the sphere, and the turn about that axis is a hue. The object's x axis
is mapped, so that the poses of an object that is symmetric about y lie on a great circle.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from benchmark.categories import get_category
from benchmark.errors import ConfigError
from benchmark.geometry.rotations import rotation_about_y
from benchmark.geometry.similarity import compute_rotation
from benchmark.geometry.symmetry import find_symmetric
from leaderboards.figures.figure_data import FigureData
from leaderboards.figures.hypothesis_errors import compute_hypothesis_errors
from leaderboards.runs import Run

DEFAULT_CATEGORIES = ("bottle", "laptop")
_ORBIT_STEPS = 181
_NEWTON_STEPS = 50


@dataclass(frozen=True, kw_only=True)
class RotationMap(FigureData):
    """The hypotheses of one detection.

    Attributes:
        frame, category, instance: the object.
        detection: row of the detection.
        symmetric: whether any turn about the object's y axis is the same pose.
        place: (K, 2) where the x axis points, on the Mollweide map; x in [-2, 2], y in [-1, 1].
        turn: (K,) radians in [-pi, pi), turn about the x axis; 0: y axis as far up as it can be.
        truth_place: (2,) the same for the true rotation.
        truth_turn: radians.
        orbit_place: (m, 2) every true rotation of a symmetric object, else no rows.
        orbit_turn: (m,) likewise.
    """

    frame: str
    category: str
    instance: str
    detection: int
    symmetric: bool
    place: np.ndarray
    turn: np.ndarray
    truth_place: np.ndarray
    truth_turn: float
    orbit_place: np.ndarray
    orbit_turn: np.ndarray


@dataclass(frozen=True, kw_only=True)
class RotationFigure(FigureData):
    """Figure 4.

    Attributes:
        run: name of the run.
        maps: one for each object.
    """

    number: ClassVar[int] = 4
    run: str
    maps: tuple[RotationMap, ...]


def compute_rotation_distribution(
    run: Run, categories: Sequence[str] = DEFAULT_CATEGORIES, detections: Sequence[int] = ()
) -> RotationFigure:
    """Compute figure 4.

    Args:
        run: a run with hypotheses.
        categories: the detection of median rotation error of each is taken.
        detections: rows of detections to show instead.

    Raises:
        ConfigError: no hypotheses, or nothing matched to choose from.
    """
    errors = compute_hypothesis_errors(run)
    rows = [_find_detection(errors.detection, row, run) for row in detections] or [
        find_median(run, errors.truth, name) for name in categories
    ]
    maps = tuple(
        compute_rotation_map(run, int(errors.truth[row]), int(errors.detection[row]))
        for row in rows
    )
    chosen = "as asked for" if detections else "of median rotation error in its category"
    shown = len(maps[0].place)
    return RotationFigure(
        caption=f"{shown} rotations sampled for one detection each ({chosen}), run {run.name}. "
        "Place: where the object's x axis points (centre: towards the camera; up is up); "
        "hue: turn about it. Ring: truth; line: every true rotation of a symmetric object. "
        + " ".join(item.caption for item in maps),
        run=run.name,
        maps=maps,
    )


def _find_detection(matched: np.ndarray, detection: int, run: Run) -> int:
    places = np.flatnonzero(matched == detection)
    if not len(places):
        raise ConfigError(
            f"{run.folder}: detection {detection} is not matched to an object: "
            f"choose one of 0 to {len(run.predictions.detections) - 1} that is"
        )
    return int(places[0])


def find_median(run: Run, truth: np.ndarray, category: str) -> int:
    """Return the position in `truth` of the category's object of median rotation error.

    Of an even number, the lower median; of equal errors, the earlier object.

    Raises:
        ConfigError: no object of the category is matched.
        UnknownNameError: no such category.
    """
    (instances,) = run.evaluate().instances.values()
    id_ = get_category(category).id
    positions = np.flatnonzero(run.predictions.ground_truth.category[truth] == id_)
    if not len(positions):
        raise ConfigError(f"{run.folder}: no {category} is matched: choose other categories")
    order = np.argsort(instances.degree[truth[positions]], kind="stable")
    return int(positions[order[(len(order) - 1) // 2]])


def compute_rotation_map(run: Run, truth: int, detection: int) -> RotationMap:
    """Map the hypotheses of one detection, and the object that it is matched to."""
    predictions = run.predictions
    assert predictions.hypotheses is not None
    object_ = predictions.ground_truth.take([truth])
    true = compute_rotation(object_.transform)[0]
    symmetric = bool(find_symmetric(object_.category, object_.handle_visible)[0])
    turns = np.linspace(-np.pi, np.pi, _ORBIT_STEPS if symmetric else 0)
    place, turn = map_rotations(np.asarray(predictions.hypotheses[detection, :, :, :3], "f8"))
    truth_place, truth_turn = map_rotations(true)
    orbit_place, orbit_turn = map_rotations(true @ rotation_about_y(turns))
    category = get_category(int(object_.category[0])).name
    frame = str(predictions.frames.id[object_.frame[0]])
    return RotationMap(
        caption=f"{category.capitalize()}: frame {frame}, detection {detection}.",
        frame=frame,
        category=category,
        instance=str(object_.instance[0]),
        detection=detection,
        symmetric=symmetric,
        place=place,
        turn=turn,
        truth_place=truth_place,
        truth_turn=float(truth_turn),
        orbit_place=orbit_place,
        orbit_turn=orbit_turn,
    )


def map_rotations(rotation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the places (..., 2) on the map and the turns (...) of rotations (..., 3, 3).

    The map's centre is the direction towards the camera (-z), its right the camera's right, its
    upper end the camera's up (-y).
    """
    axis, other = rotation[..., 0], rotation[..., 1]
    longitude = np.arctan2(axis[..., 0], -axis[..., 2])
    latitude = np.arcsin(np.clip(-axis[..., 1], -1.0, 1.0))
    east = np.stack([np.cos(longitude), np.zeros_like(longitude), np.sin(longitude)], axis=-1)
    north = np.cross(axis, east)
    turn = np.arctan2((other * east).sum(axis=-1), (other * north).sum(axis=-1))
    return project_mollweide(longitude, latitude), turn


def project_mollweide(longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
    """Return the Mollweide coordinates (..., 2) of places on the sphere, radians.

    The map is the ellipse with half axes 2 and 1.
    """
    target = np.pi * np.sin(latitude)
    theta = np.asarray(latitude, dtype=np.float64)
    for _ in range(_NEWTON_STEPS):
        slope = np.maximum(2.0 + 2.0 * np.cos(2.0 * theta), 1e-12)
        theta = theta - (2.0 * theta + np.sin(2.0 * theta) - target) / slope
        theta = np.clip(theta, -np.pi / 2, np.pi / 2)
    x = 2.0 / np.pi * longitude * np.cos(theta)
    return np.stack([x, np.sin(theta)], axis=-1)
