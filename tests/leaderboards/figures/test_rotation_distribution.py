"""Figure 4: the map of the sphere, the turn about the axis, and which objects are shown."""

from collections.abc import Callable

import numpy as np
import pytest

from benchmark.errors import ConfigError
from benchmark.geometry.rotations import rotation_about_axis, rotation_about_y, sample_rotations
from leaderboards.figures.rotation_distribution import (
    compute_rotation_distribution,
    find_median,
    map_rotations,
    project_mollweide,
)
from leaderboards.runs import Run

MakeRun = Callable[..., Run]


def draw_by_row(_: np.random.Generator, category: np.ndarray, count: int) -> np.ndarray:
    """Give every object an error of its own, the same for all its hypotheses."""
    return np.repeat(np.arange(len(category))[:, None] / 10, count, axis=1)


@pytest.mark.parametrize(
    ("longitude", "latitude", "place"),
    [
        (0.0, 0.0, (0.0, 0.0)),
        (np.pi, 0.0, (2.0, 0.0)),
        (-np.pi / 2, 0.0, (-1.0, 0.0)),
        (1.0, np.pi / 2, (0.0, 1.0)),
        (-2.0, -np.pi / 2, (0.0, -1.0)),
    ],
)
def test_poles_and_equator(longitude: float, latitude: float, place: tuple[float, float]) -> None:
    found = project_mollweide(np.array(longitude), np.array(latitude))
    np.testing.assert_allclose(found, place, atol=1e-5)


def test_the_map_keeps_areas() -> None:
    latitude = np.radians([10.0, 60.0])
    _, y = project_mollweide(np.zeros(2), latitude).T

    def compute_area_below(height: float) -> float:
        steps = np.linspace(0, height, 20001)
        return float(np.trapezoid(4 * np.sqrt(1 - steps**2), steps))

    for angle, height in zip(latitude, y, strict=True):  # of the half map, pi in all
        assert compute_area_below(height) / np.pi == pytest.approx(np.sin(angle), abs=1e-4)


def test_directions_are_those_of_the_viewer() -> None:
    right, up = np.eye(3), rotation_about_axis(np.array([0.0, 0, 1]), np.array(-np.pi / 2))
    towards = rotation_about_y(np.array(np.pi / 2))  # x axis onto -z
    np.testing.assert_allclose(map_rotations(right)[0], [1, 0], atol=1e-6)
    np.testing.assert_allclose(map_rotations(up)[0], [0, 1], atol=1e-3)
    np.testing.assert_allclose(map_rotations(towards)[0], [0, 0], atol=1e-6)


def test_the_turn_is_that_about_the_mapped_axis() -> None:
    rotation = sample_rotations(np.random.default_rng(0), 50)
    angle = np.random.default_rng(1).uniform(-np.pi, np.pi, 50)
    turned = rotation_about_axis(rotation[:, :, 0], angle) @ rotation
    (place, before), (same, after) = map_rotations(rotation), map_rotations(turned)
    np.testing.assert_allclose(place, same, atol=1e-6)
    difference = np.angle(np.exp(1j * (after - before)))
    assert np.abs(np.angle(np.exp(1j * (difference - angle)))).max() < 1e-6 or (
        np.abs(np.angle(np.exp(1j * (difference + angle)))).max() < 1e-6
    )


def test_upright_objects_turn_by_zero() -> None:
    upright = np.diag([1.0, -1.0, -1.0])  # y axis up, that is along the camera's -y
    assert map_rotations(upright)[1] == pytest.approx(0.0)
    assert abs(map_rotations(np.eye(3))[1]) == pytest.approx(np.pi)


def test_the_median_object_of_a_category_is_shown(make_run: MakeRun) -> None:
    run = make_run(degree=draw_by_row)
    rows = np.flatnonzero(run.predictions.ground_truth.category == 1)
    expected = rows[(len(rows) - 1) // 2]
    bottle, laptop = compute_rotation_distribution(run).maps
    assert bottle.detection == expected
    assert (bottle.category, laptop.category) == ("bottle", "laptop")
    assert bottle.symmetric
    assert len(bottle.orbit_place) > 100
    assert not laptop.symmetric
    assert not len(laptop.orbit_place)
    truth = np.arange(len(run.predictions.ground_truth))
    assert truth[find_median(run, truth, "bottle")] == expected


def test_every_pose_of_a_symmetric_object_lies_on_its_orbit(make_run: MakeRun) -> None:
    def turn(generator: np.random.Generator, category: np.ndarray, count: int) -> np.ndarray:
        return generator.uniform(-180, 180, (len(category), count))

    (bottle, _) = compute_rotation_distribution(make_run(yaw=turn)).maps
    distance = np.linalg.norm(bottle.place[:, None] - bottle.orbit_place[None], axis=-1)
    assert distance.min(axis=1).max() < 0.05
    assert np.ptp(bottle.turn) > 0.1


def test_exact_hypotheses_lie_on_the_truth(make_run: MakeRun) -> None:
    _, laptop = compute_rotation_distribution(make_run()).maps
    np.testing.assert_allclose(laptop.place, np.tile(laptop.truth_place, (10, 1)), atol=1e-5)
    np.testing.assert_allclose(laptop.turn, laptop.truth_turn, atol=1e-5)


def test_a_detection_may_be_named(make_run: MakeRun) -> None:
    run = make_run()
    (item,) = compute_rotation_distribution(run, detections=[3]).maps
    assert (item.detection, item.category) == (3, "can")
    with pytest.raises(ConfigError, match="detection 9999 is not matched"):
        compute_rotation_distribution(run, detections=[9999])
