"""Slices: counts add up, accuracies recombine to the whole, small slices stay blank."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from benchmark.errors import UnknownNameError
from benchmark.geometry.boxes import compute_corners
from benchmark.predictions import Predictions
from leaderboards.analysis.attributes import (
    ATTRIBUTES,
    compute_projected_area,
    estimate_visibility,
    get_attribute,
)
from leaderboards.analysis.slices import LEAST_OBJECTS, slice_run
from leaderboards.runs import Run

Make = Callable[..., Run]
ALWAYS = [item.name for item in ATTRIBUTES if item.name not in ("handle", "holes")]


def normal(generator: np.random.Generator, category: np.ndarray, count: int) -> np.ndarray:
    return 6.0 * generator.standard_normal((len(category), count))


@pytest.mark.parametrize("name", ALWAYS)
def test_slices_add_up(make_run: Make, name: str) -> None:
    run = make_run(degree=normal, hypotheses=None, scenes=12, frames=12)
    table = slice_run(run, [name], rounds=20).tables["slices"]
    whole, parts = table.iloc[0], table.iloc[1:]
    assert whole["objects"] == parts["objects"].sum() == 12 * 12 * 6
    assert whole["matched"] == parts["matched"].sum()
    shown = parts[parts["objects"] >= LEAST_OBJECTS]
    if shown["objects"].sum() == whole["objects"]:
        total = (shown["5deg_5cm"] * shown["objects"]).sum() / whole["objects"]
        np.testing.assert_allclose(total, whole["5deg_5cm"])


def test_accuracy_is_the_share_that_passes(make_run: Make) -> None:
    run = make_run(degree=normal, hypotheses=None)
    passed = run.evaluate("strict").instances["strict"].passed
    table = slice_run(run, ["category"], "strict", rounds=20).tables["slices"].set_index("slice")
    np.testing.assert_allclose(table.loc["all", "5deg_5cm"], 100 * passed[:, 1].mean())
    bottles = run.predictions.ground_truth.category == 1
    np.testing.assert_allclose(table.loc["bottle", "5deg_5cm"], 100 * passed[bottles, 1].mean())
    assert table.loc["bottle", "5deg_5cm_low"] <= table.loc["bottle", "5deg_5cm"]


def test_small_slices_get_no_number(make_run: Make) -> None:
    run = make_run(degree=normal, hypotheses=None, scenes=5, frames=3)
    table = slice_run(run, ["category"], rounds=20).tables["slices"]
    small = table[table["objects"] < LEAST_OBJECTS]
    assert len(small) == 6
    assert small.drop(columns=["attribute", "slice", "objects", "matched"]).isna().all(axis=None)


def test_handle_slices_hold_mugs_alone(make_run: Make) -> None:
    run = make_run(hypotheses=None)
    truths = run.predictions.ground_truth
    table = slice_run(run, ["handle"], rounds=20).tables["slices"].set_index("slice")
    mug = truths.category == 6
    assert table.loc["hidden", "objects"] == (mug & (truths.handle_visible == 0)).sum()
    assert table.loc["visible", "objects"] == (mug & (truths.handle_visible == 1)).sum()


def test_distance_slices_follow_the_distance(make_run: Make) -> None:
    predictions = make_run(hypotheses=None).predictions
    distance = np.linalg.norm(predictions.ground_truth.transform[:, :3, 3], axis=1)
    rows = np.arange(len(predictions.ground_truth))
    assigned = get_attribute("distance").assign(predictions, rows)
    edges = [0.0, 0.6, 0.8, 1.0, np.inf]
    for index, (low, high) in enumerate(itertools.pairwise(edges)):
        assert ((assigned == index) == ((distance >= low) & (distance < high))).all()


def test_projected_area_is_that_of_the_hull(make_run: Make) -> None:
    from scipy.spatial import ConvexHull

    predictions = make_run(hypotheses=None).predictions
    truths = predictions.ground_truth
    corners = compute_corners(truths.transform, truths.extents)
    pixels = 500.0 * corners[..., :2] / corners[..., 2:] + [320.0, 240.0]
    expected = [ConvexHull(points).volume for points in pixels]
    np.testing.assert_allclose(compute_projected_area(predictions), expected)


def _with_masks(predictions: Predictions, share: np.ndarray) -> Predictions:
    pixels = np.round(1e4 * share).astype(int)
    area = compute_projected_area(predictions)
    scaled = np.where(pixels < 0, -1, np.round(pixels * area / 1e4))
    truths = replace(predictions.ground_truth, visible_pixels=scaled)
    return replace(predictions, ground_truth=truths)


def test_visibility_is_relative_to_the_most_visible(make_run: Make) -> None:
    predictions = make_run(hypotheses=None, scenes=20).predictions
    share = np.full(len(predictions.ground_truth), 0.5)
    share[::7] = 0.125
    share[0] = -1e-4
    visibility = estimate_visibility(_with_masks(predictions, share))
    assert np.isnan(visibility[0])
    np.testing.assert_allclose(visibility[7::7], 0.25, rtol=0.05)
    np.testing.assert_allclose(visibility[1:7], 1.0, rtol=0.05)


def test_unknown_attribute_is_named(make_run: Make) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'distance'"):
        slice_run(make_run(), ["distanse"])


def test_hole_slices_follow_the_matched_mask(make_run: Make) -> None:
    predictions = make_run(hypotheses=None).predictions
    count = len(predictions.detections)
    depth = np.tile([100, 95, 80, 60, 0, 100], count // 6)
    detections = replace(
        predictions.detections, mask_pixels=np.full(count, 100), depth_pixels=depth
    )
    matched = np.arange(count)[::-1].copy()
    matched[:3] = -1
    holes = get_attribute("holes")
    assigned = holes.assign(replace(predictions, detections=detections), matched)
    expected = np.select([depth > 90, depth > 70], [0, 1], 2)[::-1].copy()
    expected[:3] = -1
    np.testing.assert_array_equal(assigned, expected)
    assert (holes.assign(predictions, matched) == -1).all(), "shards that do not count them"
