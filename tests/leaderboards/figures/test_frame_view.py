"""Boxes and axes in the image, against the camera matrix by hand; sizes; frames by name."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from benchmark.errors import ConfigError, UnknownNameError
from benchmark.geometry.boxes import compute_corners
from leaderboards.figures.frame_view import (
    BOX_EDGES,
    compute_frame_view,
    find_frame,
    project_visible,
)
from leaderboards.figures.interactive import build_geometries, check_display
from leaderboards.figures.qualitative import compute_qualitative, compute_window
from leaderboards.runs import Run

MakeRun = Callable[..., Run]


def test_corners_are_those_of_the_camera_matrix(make_run: MakeRun) -> None:
    run = make_run()
    view = compute_frame_view(run, 2)
    fx, fy, cx, cy = run.predictions.frames.intrinsics[2]
    camera = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    truth = run.predictions.ground_truth
    for index, row in enumerate(np.flatnonzero(truth.frame == 2)):
        expected = set()
        for signs in np.ndindex(2, 2, 2):
            half = truth.extents[row] / 2 * (1 - 2 * np.array(signs))
            point = camera @ (truth.transform[row] @ [*half, 1.0])[:3]
            expected.add(tuple(np.round(point[:2] / point[2], 6)))
        found = {tuple(np.round(corner, 6)) for corner in view.truth.corners[index]}
        assert found == expected
        origin = camera @ truth.transform[row, :3, 3]
        np.testing.assert_allclose(view.truth.axes[index, 0], origin[:2] / origin[2])


def test_edges_join_corners_that_differ_along_one_axis() -> None:
    corners = compute_corners(np.eye(4), np.array([1.0, 2.0, 3.0]))
    lengths = sorted(np.linalg.norm(corners[a] - corners[b]) for a, b in BOX_EDGES)
    np.testing.assert_allclose(lengths, [1] * 4 + [2] * 4 + [3] * 4)
    assert len(set(BOX_EDGES)) == 12


def test_what_is_behind_the_camera_is_not_drawn() -> None:
    points = np.array([[[0.0, 0, 1], [0, 0, 2]], [[0.0, 0, -1], [0, 0, 2]]])
    pixels = project_visible(points, np.array([500.0, 500, 320, 240]))
    assert np.isfinite(pixels[0]).all()
    assert np.isnan(pixels[1]).all()


def test_a_method_without_sizes_is_lent_the_true_ones(make_run: MakeRun) -> None:
    view = compute_frame_view(make_run(), 0)
    assert view.borrowed.all()
    np.testing.assert_allclose(view.estimates.size, view.truth.size[view.matched])
    np.testing.assert_allclose(view.estimates.corners, view.truth.corners[view.matched], atol=1e-3)
    assert "the method predicts none" in view.caption
    assert view.degree.max() < 1e-3


def test_without_ground_truth_there_are_axes_alone(make_run: MakeRun) -> None:
    run = make_run()
    own = Run(folder=run.folder, info=replace(run.info, has_ground_truth=False))
    view = compute_frame_view(own, 0)
    assert (view.matched == -1).all()
    assert np.isnan(view.estimates.corners).all()
    assert np.isfinite(view.estimates.axes).all()
    assert "axes alone" in view.caption


def test_frames_have_names_and_numbers(make_run: MakeRun) -> None:
    predictions = make_run().predictions
    assert find_frame(predictions, "Real/test/scene_2/0001") == 5
    assert find_frame(predictions, "5") == 5
    with pytest.raises(UnknownNameError, match="did you mean 'Real/test/scene_2/0001'"):
        find_frame(predictions, "Real/test/scne_2/0001")
    with pytest.raises(UnknownNameError, match="or 0 to 23"):
        find_frame(predictions, "99")


@pytest.mark.parametrize("box", [(10, 20, 60, 50), (600, 400, 650, 500), (-50, -50, 900, 700)])
def test_the_enlarged_window_is_square_and_in_the_image(box: tuple[int, ...]) -> None:
    window = compute_window(np.array(box, "f8"), (640, 480))
    assert window[2] - window[0] == pytest.approx(window[3] - window[1])
    assert (window >= 0).all()
    assert window[2] <= 640
    assert window[3] <= 480


def test_the_frame_shown_is_that_of_the_median_gain(make_run: MakeRun) -> None:
    def err(_: np.random.Generator, category: np.ndarray, count: int) -> np.ndarray:
        return np.repeat(np.arange(len(category))[:, None] / 10, count, axis=1)

    bad, good = make_run("bad", degree=err, estimator="mean-pose"), make_run("good")
    figure = compute_qualitative([bad, good], categories=["laptop"])
    (row,) = figure.rows
    assert figure.methods == ("mean-pose", "genpose")
    assert row.category == "laptop"
    assert row.views[0].degree[row.views[0].matched == row.truth_row] == pytest.approx(
        row.truth_row / 10, abs=1e-3
    )
    (named,) = compute_qualitative([bad, good], frames=["Real/test/scene_1/0001"]).rows
    assert named.truth_row == 11  # the last of the frame's objects errs most


def test_runs_over_other_frames_are_refused(make_run: MakeRun) -> None:
    runs = [make_run("a"), make_run("b", frames=3, estimator="mean-pose")]
    with pytest.raises(ConfigError, match="different frames"):
        compute_qualitative(runs)


def test_a_window_needs_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(ConfigError, match="needs a display"):
        check_display()


def test_what_a_window_would_show(make_run: MakeRun) -> None:
    view = compute_frame_view(make_run(), 0)
    shown = build_geometries(view, [("mug", np.zeros((7, 3), "f4"))])
    kinds = [type(item).__name__ for item in shown]
    assert kinds.count("PointCloud") == 1
    assert kinds.count("LineSet") == 2 * len(view.truth)
    assert kinds.count("TriangleMesh") == len(view.estimates)
    first = np.asarray(shown[1].points)
    np.testing.assert_allclose(first.mean(axis=0), view.truth.pose[0, :3, 3], atol=1e-9)
