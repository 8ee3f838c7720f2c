"""Figures as files: what is written, that it is always the same, and what goes wrong in a line."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from benchmark.categories import CATEGORY_NAMES
from benchmark.cli.main import main
from benchmark.errors import ConfigError
from benchmark.features import Features, write_features
from leaderboards.figures.choice import choose_main, choose_other
from leaderboards.figures.drawing.style import CATEGORY_COLOURS
from leaderboards.figures.feature_map import (
    choose_rows,
    compute_feature_maps,
    embed_features,
    find_nearest,
)
from leaderboards.figures.figure_data import to_plain
from leaderboards.figures.make import parse_numbers
from leaderboards.figures.precision_curves import add_mean, compute_precision_curves
from leaderboards.runs import Run, find_runs

MakeRun = Callable[..., Run]


def draw_spread(generator: np.random.Generator, category: np.ndarray, count: int) -> np.ndarray:
    """Give errors between zero and eight."""
    return 8 * generator.random((len(category), count))


@pytest.fixture
def runs(tmp_path: Path, make_run: MakeRun) -> Path:
    """Return a folder with a run of GenPose and one of another method."""
    make_run("runs/ours", degree=draw_spread, cm=draw_spread)
    make_run("runs/theirs", estimator="regression", degree=draw_spread, hypotheses=None)
    return tmp_path / "runs"


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(item) for item in arguments])


def _write_features(run: Run, seed: int = 0) -> None:
    category = run.predictions.detections.category
    generator = np.random.default_rng(seed)
    values = 4.0 * np.eye(6)[category - 1] + 0.1 * generator.normal(size=(len(category), 6))
    features = Features(
        features=values.astype(np.float16), detection=np.arange(len(category)), category=category
    )
    write_features(run.folder / "features.npz", features)


def test_figures_are_the_same_bytes_whenever_they_are_made(runs: Path, tmp_path: Path) -> None:
    for out in ("first", "second"):
        done = _run("figures", "3,4,8", "--runs", runs, "--out", tmp_path / out)
        assert done.exit_code == 0, done.stderr
        assert not done.stderr
    names = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert len(names) == 9
    for name in names:
        first, second = (tmp_path / out / name for out in ("first", "second"))
        assert first.read_bytes() == second.read_bytes(), name
    data = json.loads((tmp_path / "first" / "figure-8.json").read_text())
    assert data["number"] == 8
    assert data["runs"] == ["theirs", "ours"]
    assert "dc:date" not in (tmp_path / "first" / "figure-3.svg").read_text()


def test_a_named_frame_is_compared(runs: Path, tmp_path: Path) -> None:
    options = ["--runs", runs, "--out", tmp_path / "out", "--frame", "Real/test/scene_3/0002"]
    done = _run("figures", "7", *options)
    assert done.exit_code == 0, done.stderr
    data = json.loads((tmp_path / "out" / "figure-7.json").read_text())
    assert [row["frame"] for row in data["rows"]] == ["Real/test/scene_3/0002"]
    assert (tmp_path / "out" / "figure-7.png").stat().st_size > 10_000


def test_what_cannot_be_made_is_said_and_the_rest_is_made(runs: Path, tmp_path: Path) -> None:
    done = _run("figures", "5,8", "--runs", runs, "--out", tmp_path / "out")
    assert done.exit_code == 0
    assert "figure 5 left out: none of 2 runs has features" in done.stderr
    assert (tmp_path / "out" / "figure-8.png").stat().st_size > 10_000
    assert not (tmp_path / "out" / "figure-5.png").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["figures", "6", "--runs", "RUNS"], "figure '6': expected all or some of 3,4,5,7,8"),
        (["figures", "--runs", "no-such"], "no such folder of runs"),
        (["figures", "3", "--runs", "RUNS", "--run", "our"], "did you mean 'ours'?"),
        (["figures", "5", "--runs", "RUNS"], "genbench features RUN SHARDS"),
        (["figures", "7", "--runs", "RUNS", "--frame", "x"], "unknown frame 'x'"),
        (["figures", "7", "--runs", "RUNS", "--data", "nowhere"], "no such folder"),
        (["view", "no-such-run"], "no such file"),
        (["view", "RUNS/ours", "--frame", "Real/test/scene_9/0001"], "did you mean"),
        (["view", "RUNS/ours", "--out", "picture.bmp"], "ends in .png or .svg"),
        (["view", "RUNS/ours", "--shards", "nowhere"], "run genbench prepare first"),
        (["view", "RUNS/ours", "--interactive"], "needs a display"),
        (["features", "RUNS/ours", "nowhere"], "run genbench prepare first"),
    ],
)
def test_a_mistake_is_one_line(
    runs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    done = _run(*(item.replace("RUNS", str(runs)) for item in arguments))
    assert done.exit_code == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_view_draws_a_frame_beside_the_run(runs: Path) -> None:
    done = _run("view", runs / "ours", "--frame", "Real/test/scene_2/0003")
    assert done.exit_code == 0, done.stderr
    assert (runs / "ours" / "view-Real-test-scene_2-0003.png").stat().st_size > 10_000


def test_the_mean_curve_leaves_out_categories_without_objects() -> None:
    precision = np.arange(12.0).reshape(6, 2)
    present = np.array([True, False, True, True, True, True])
    found = add_mean(precision, present)
    assert np.isnan(found[1]).all()
    np.testing.assert_allclose(found[-1], precision[[0, 2, 3, 4, 5]].mean(axis=0))
    assert np.isnan(add_mean(precision, np.zeros(6, bool))).all()


def test_curves_are_the_evaluators_at_the_headline_thresholds(make_run: MakeRun) -> None:
    run = make_run(degree=draw_spread, cm=draw_spread)
    ((rotation, translation),) = compute_precision_curves([run]).rows
    assert rotation.names == (*CATEGORY_NAMES, "mean")
    assert (rotation.thresholds[-1], translation.thresholds[-1]) == (45.0, 10.0)
    assert (np.diff(rotation.precision, axis=1) >= -1e-9).all()
    np.testing.assert_allclose(translation.precision[:, -1], 100.0)
    (instances,) = run.evaluate().instances.values()
    bottles = run.predictions.ground_truth.category == 1
    within = (instances.degree[bottles] <= 3).all()
    assert (rotation.precision[0, 3] == pytest.approx(100.0)) == within


def test_runs_of_other_data_are_not_compared(make_run: MakeRun) -> None:
    runs = [make_run("a"), make_run("b", estimator="other", label_set="catre")]
    with pytest.raises(ConfigError, match="compare runs of the same data"):
        compute_precision_curves(runs)


def test_the_twin_is_compared_with_before_the_floor(make_run: MakeRun, tmp_path: Path) -> None:
    make_run("runs/a", estimator="mean-pose")
    make_run("runs/b", estimator="regression")
    make_run("runs/c", estimator="genpose", configuration={"holdout": "bowl"})
    make_run("runs/d", estimator="genpose")
    found = find_runs(tmp_path / "runs")
    main_run = choose_main(found)
    assert main_run.name == "d"
    other = choose_other(found, main_run)
    assert other is not None
    assert other.name == "b"
    assert choose_other(found, main_run, "a").name == "a"  # type: ignore[union-attr]


def test_panels_are_the_papers_three(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [
        make_run(name, scenes=2, configuration={"holdout": name}) for name in ("bowl", "bottle")
    ]
    monkeypatch.setattr("leaderboards.figures.feature_map.embed_features", lambda x: x[:, :2])
    for run in runs:
        _write_features(run)
    figure = compute_feature_maps(runs)
    assert [panel.unseen for panel in figure.panels] == ["bowl", "bottle"]
    assert figure.missing == ("can",)
    assert "No run without can." in figure.caption
    assert figure.panels[0].place.shape == (48, 2)


def test_the_embedding_is_the_same_and_keeps_clusters_apart() -> None:
    generator = np.random.default_rng(0)
    features = np.repeat(np.eye(3), 10, axis=0) + 0.01 * generator.normal(size=(30, 3))
    place = embed_features(features)
    np.testing.assert_array_equal(place, embed_features(features))
    nearest = np.linalg.norm(place[:, None] - place[None], axis=-1) + 1e9 * np.eye(30)
    np.testing.assert_array_equal(nearest.argmin(axis=1) // 10, np.repeat([0, 1, 2], 10))
    with pytest.raises(ConfigError, match="four clouds or more"):
        embed_features(features[:3])


def test_rows_are_spread_over_the_run() -> None:
    category = np.repeat([1, 2], [100, 3])
    features = Features(
        features=np.zeros((103, 2), "f2"), detection=np.arange(103), category=category
    )
    np.testing.assert_array_equal(choose_rows(features, 4), [0, 33, 66, 99, 100, 101, 102])


def test_nearest_is_by_median_distance() -> None:
    features = np.array([[0.0], [0.1], [1.0], [1.1], [5.0], [5.1]])
    category = np.array(["bottle", "bottle", "can", "can", "mug", "mug"])
    assert find_nearest(features, category) == {"bottle": "can", "can": "bottle", "mug": "can"}


def test_plain_values_are_json() -> None:
    plain = to_plain({"a": np.array([1.0, np.nan]), "b": (np.int64(3), "x"), "c": 1 / 3})
    assert json.loads(json.dumps(plain)) == {"a": [1.0, None], "b": [3, "x"], "c": 0.333333}


def test_numbers_and_colours() -> None:
    assert parse_numbers("all") == (3, 4, 5, 7, 8)
    assert parse_numbers("8, 3,8") == (8, 3)
    assert len(set(CATEGORY_COLOURS.values())) == 6
    assert tuple(CATEGORY_COLOURS) == CATEGORY_NAMES
