"""Paired comparison: calibrated where there is no difference, and finds one where there is."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.errors import ConfigError
from benchmark.evaluation.protocols import Options
from leaderboards.analysis.comparison import (
    Difference,
    check_comparable,
    compare_runs,
    list_disagreements,
)
from leaderboards.analysis.comparison_report import report_comparison
from leaderboards.analysis.resampling import Estimate
from leaderboards.runs import Run

Make = Callable[..., Run]


def normal(spread: float) -> Callable[..., np.ndarray]:
    def draw(generator: np.random.Generator, category: np.ndarray, count: int) -> np.ndarray:
        return spread * generator.standard_normal((len(category), count))

    return draw


def single(make_run: Make, name: str, seed: int, spread: float = 6.0, **options: object) -> Run:
    return make_run(name, seed=seed, degree=normal(spread), hypotheses=None, **options)


def test_same_run_differs_nowhere(make_run: Make) -> None:
    run = single(make_run, "a", 0)
    comparison = compare_runs(run, run, rounds=50)
    assert {item.better for item in comparison.differences} == {"undecided"}
    assert all(item.difference.low == item.difference.high == 0 for item in comparison.differences)
    assert len(comparison.disagreements) == 0
    assert "| mean |" in report_comparison(comparison).markdown


def test_no_difference_is_seldom_found(make_run: Make) -> None:
    """Two methods of equal skill: of 20 pairs, the interval of the mean leaves out 0 in few."""
    missed = 0
    for seed in range(20):
        pair = [single(make_run, f"{seed}-{side}", 2 * seed + side) for side in (0, 1)]
        comparison = compare_runs(*pair, unit="frame", rounds=100)
        last = [d for d in comparison.differences if (d.category, d.metric) == ("mean", "5deg_5cm")]
        missed += last[0].better != "undecided"
    assert missed <= 4


def test_known_difference_is_found_and_signed(make_run: Make) -> None:
    worse, better = single(make_run, "worse", 1, 9.0), single(make_run, "better", 2, 3.0)
    for pair, expected in (((worse, better), "second"), ((better, worse), "first")):
        found = {(d.category, d.metric): d for d in compare_runs(*pair, rounds=200).differences}
        assert found["mean", "5deg_5cm"].better == expected
    truth = found["mean", "5deg_5cm"]
    np.testing.assert_allclose(truth.difference.value, truth.second - truth.first)


def test_values_are_those_of_the_evaluation(make_run: Make) -> None:
    first, second = single(make_run, "a", 1), single(make_run, "b", 2)
    comparison = compare_runs(first, second, "strict", rounds=20)
    for item in comparison.differences:
        for run, value in ((first, item.first), (second, item.second)):
            block = run.score("strict")
            row = {c.category: c.metrics for c in block.categories} | {"mean": block.mean}
            np.testing.assert_allclose(value, row[item.category][item.metric])


def test_pairing_narrows_the_interval(make_run: Make) -> None:
    """Runs that share most errors are told apart far better than runs that share none."""
    run = single(make_run, "a", 1)
    other = single(make_run, "other", 2)

    def nudged(generator: np.random.Generator, category: np.ndarray, count: int) -> np.ndarray:
        return normal(6.0)(generator, category, count) * 1.05

    like = make_run("like", seed=1, degree=nudged, hypotheses=None)
    widths = []
    for second in (like, other):
        found = compare_runs(run, second, unit="frame", rounds=300).differences
        mean = next(d for d in found if (d.category, d.metric) == ("mean", "5deg_5cm"))
        widths.append(mean.difference.high - mean.difference.low)
    assert widths[0] < 0.6 * widths[1]


def test_disagreements_are_the_objects_that_flip(make_run: Make) -> None:
    first, second = single(make_run, "a", 1), single(make_run, "b", 2)
    found = list_disagreements(first, second, "genpose", Options())
    sides = [run.evaluate().instances["genpose"] for run in (first, second)]
    assert len(found) == (sides[0].passed != sides[1].passed).sum()
    assert (found["right"] == "first").sum() == (sides[0].passed & ~sides[1].passed).sum()
    strict = found[(found["metric"] == "5deg_5cm") & (found["right"] == "first")]
    assert (strict["first_deg"] <= 5).all()
    assert (strict["second_deg"] > 5).all()


def test_errors_are_better_when_smaller() -> None:
    down = Estimate(value=-2.0, low=-3.0, high=-1.0)
    item = Difference(category="mean", metric="mean_deg", first=5.0, second=3.0, difference=down)
    assert item.better == "second"
    assert replace(item, metric="5deg_5cm").better == "first"


def test_tracking_runs_compare_by_mean_errors(make_run: Make) -> None:
    worse, better = single(make_run, "worse", 1, 9.0), single(make_run, "better", 2, 3.0)
    comparison = compare_runs(worse, better, "tracking-genpose", rounds=200)
    found = {(d.category, d.metric): d for d in comparison.differences}
    assert found["mean", "mean_deg"].better == "second"
    assert found["mean", "mean_deg"].second < found["mean", "mean_deg"].first
    assert found["mean", "5deg_5cm"].better == "second"


@pytest.mark.parametrize("name", ["frames", "labels"])
def test_other_data_is_refused(make_run: Make, name: str) -> None:
    prints = {"detections": "d", "labels": "e", "frames": "f"}
    first = single(make_run, "a", 1, fingerprints=prints)
    second = single(make_run, "b", 1, fingerprints=prints | {name: "0"})
    with pytest.raises(ConfigError, match=f"a and b are over different data.*{name}"):
        check_comparable(first, second, allow_different_detections=True)


def test_other_objects_are_refused_whatever_the_fingerprints(make_run: Make) -> None:
    first, second = single(make_run, "a", 1), single(make_run, "b", 1, scenes=5)
    with pytest.raises(ConfigError, match="different data"):
        check_comparable(first, second)


def test_other_detections_need_leave(make_run: Make) -> None:
    prints = {"detections": "d", "labels": "e", "frames": "f"}
    first = single(make_run, "a", 1, fingerprints=prints)
    second = single(make_run, "b", 2, fingerprints=prints | {"detections": "0"})
    with pytest.raises(ConfigError, match="--allow-different-detections"):
        compare_runs(first, second)
    comparison = compare_runs(first, second, rounds=20, allow_different_detections=True)
    assert "different detections" in comparison.notes[0]


def test_report_is_the_same_again(make_run: Make, tmp_path: Path) -> None:
    pair = [single(make_run, name, seed) for seed, name in enumerate("ab")]
    reports = [report_comparison(compare_runs(*pair, rounds=50)) for _ in range(2)]
    assert reports[0].document == reports[1].document
    names = reports[0].write(tmp_path / "out")
    assert set(names) == {"compare.md", "compare.json", "compare.csv", "disagreements.csv"}
    before = (tmp_path / "out" / "compare.json").read_bytes()
    reports[1].write(tmp_path / "out")
    assert (tmp_path / "out" / "compare.json").read_bytes() == before
