"""Running an estimator over shards: resume, locks, limits, seeds."""

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from benchmark.errors import ConfigError, InvalidPoseError, ShardFormatError
from benchmark.estimator import (
    EstimatorOptions,
    EstimatorSpec,
    Observations,
    PoseEstimate,
    PoseHypotheses,
)
from benchmark.inference import compute_seeds
from benchmark.locking import locked
from benchmark.predictions import Predictions, read_predictions
from benchmark.running import RunOptions, run_estimator
from benchmark.shards import Shard, take_frames, write_shard

MakeShard = Callable[..., Shard]


@dataclass
class Dice:
    """Draws translations from each observation's seed; can be told to misbehave."""

    spec: ClassVar[EstimatorSpec] = EstimatorSpec(
        name="dice", summary="draws", gives=frozenset({"hypotheses", "energies"})
    )
    hypotheses: int = 3
    fail_after: int = 10**9
    spoil: Callable[[PoseEstimate], PoseEstimate] = field(default=lambda estimate: estimate)
    calls: list[int] = field(default_factory=list)

    def estimate(self, observations: Observations) -> PoseEstimate:
        """Draw K translations for every observation."""
        if len(self.calls) >= self.fail_after:
            raise KeyboardInterrupt
        self.calls.append(len(observations))
        draws = np.stack(
            [np.random.default_rng(s).normal(size=(self.hypotheses, 3)) for s in observations.seeds]
        )
        turns = np.broadcast_to(np.eye(3), (*draws.shape[:2], 3, 3))
        return self.spoil(
            PoseEstimate(
                rotation=turns[:, 0].copy(),
                translation=draws[:, 0].copy(),
                hypotheses=PoseHypotheses(
                    rotation=turns, translation=draws, energies=draws[:, :, :2]
                ),
            )
        )

    @classmethod
    def load(cls, options: EstimatorOptions) -> "Dice":
        """Build one."""
        return cls(hypotheses=options.hypotheses)

    def describe(self) -> dict[str, Any]:
        """Say which dice."""
        return {"sides": 6, "fingerprints": {"dice": "ivory"}}


def _options(**changes: Any) -> RunOptions:
    return RunOptions(estimator=EstimatorOptions(hypotheses=3), **changes)


def _write_shards(folder: Path, make_shard: MakeShard, count: int = 3) -> list[Path]:
    paths = [folder / f"test-real-{number:03d}.h5" for number in range(count)]
    for number, path in enumerate(paths):
        write_shard(path, make_shard(3, seed=number, scene=f"scene_{number}"))
    return paths


def _assert_same(found: Predictions, expected: Predictions) -> None:
    np.testing.assert_array_equal(found.estimates.transform, expected.estimates.transform)
    np.testing.assert_array_equal(found.hypotheses, expected.hypotheses)
    np.testing.assert_array_equal(found.energies, expected.energies)
    assert replace(found.info, environment={}) == replace(expected.info, environment={})


def test_every_detection_has_a_row_and_the_identity_where_it_has_no_cloud(
    tmp_path: Path, make_shard: MakeShard
) -> None:
    shards = _write_shards(tmp_path, make_shard)
    found = read_predictions(run_estimator(Dice(), shards, tmp_path / "run", _options()))
    assert found.hypotheses is not None
    assert len(found.detections) == 18
    missing = np.array([5, 11, 17])
    np.testing.assert_array_equal(np.flatnonzero(found.estimates.estimated == 0), missing)
    np.testing.assert_array_equal(found.estimates.transform[missing], np.tile(np.eye(4), (3, 1, 1)))
    np.testing.assert_array_equal(found.hypotheses[5], np.tile(np.eye(3, 4), (3, 1, 1)))
    expected = np.random.default_rng(compute_seeds(0, [found.frames.id[4]], [1])[0])
    np.testing.assert_allclose(
        found.hypotheses[9, :, :, 3], expected.normal(size=(3, 3)), rtol=1e-6
    )
    assert found.info.fingerprints["weights:dice"] == "ivory"
    assert not (tmp_path / "run" / "parts").exists()


def test_batch_size_changes_nothing(tmp_path: Path, make_shard: MakeShard) -> None:
    shards = _write_shards(tmp_path, make_shard)
    whole = read_predictions(run_estimator(Dice(), shards, tmp_path / "a", _options(batch=32)))
    single = read_predictions(run_estimator(Dice(), shards, tmp_path / "b", _options(batch=1)))
    _assert_same(single, whole)


def test_how_frames_lie_in_shards_changes_no_seed(tmp_path: Path, make_shard: MakeShard) -> None:
    shard = make_shard(4)
    write_shard(tmp_path / "test-real-000.h5", shard)
    write_shard(tmp_path / "test-real-001.h5", take_frames(shard, 2))
    runs = [
        read_predictions(run_estimator(Dice(), [path], tmp_path / path.stem, _options()))
        for path in sorted(tmp_path.glob("*.h5"))
    ]
    whole, first = (run.estimates.transform for run in runs)
    np.testing.assert_array_equal(whole[: len(first)], first)


def test_the_seed_changes_the_draws(tmp_path: Path, make_shard: MakeShard) -> None:
    shards = _write_shards(tmp_path, make_shard, 1)
    runs = [
        read_predictions(run_estimator(Dice(), shards, tmp_path / str(seed), _options(seed=seed)))
        for seed in (1, 2)
    ]
    assert not np.array_equal(runs[0].hypotheses, runs[1].hypotheses)


@pytest.mark.reliability
def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path, make_shard: MakeShard) -> None:
    shards = _write_shards(tmp_path, make_shard)
    expected = read_predictions(run_estimator(Dice(), shards, tmp_path / "whole", _options()))
    with pytest.raises(KeyboardInterrupt):
        run_estimator(Dice(fail_after=2), shards, tmp_path / "run", _options())
    assert not (tmp_path / "run" / "predictions.h5").exists()
    second = Dice()
    found = read_predictions(run_estimator(second, shards, tmp_path / "run", _options()))
    assert second.calls == [5]
    _assert_same(found, expected)


@pytest.mark.reliability
@pytest.mark.parametrize("damage", ["truncated", "other options", "other shard"])
def test_parts_that_do_not_belong_to_this_run_are_made_again(
    tmp_path: Path, make_shard: MakeShard, damage: str
) -> None:
    shards = _write_shards(tmp_path, make_shard)
    options = _options(seed=5) if damage == "other options" else _options()
    with pytest.raises(KeyboardInterrupt):
        run_estimator(Dice(fail_after=1), shards, tmp_path / "run", options)
    if damage == "truncated":
        part = tmp_path / "run" / "parts" / shards[0].name
        part.write_bytes(part.read_bytes()[:-2000])
    if damage == "other shard":
        write_shard(shards[0], make_shard(3, seed=9, scene="scene_9"))
    again = Dice()
    run_estimator(again, shards, tmp_path / "run", _options())
    assert again.calls == [5, 5, 5]


def test_a_finished_run_is_not_run_again(tmp_path: Path, make_shard: MakeShard) -> None:
    shards = _write_shards(tmp_path, make_shard)
    run_estimator(Dice(), shards, tmp_path / "run", _options(limit=4))
    again = Dice()
    run_estimator(again, shards, tmp_path / "run", _options(limit=4))
    assert again.calls == []


@pytest.mark.reliability
def test_a_folder_with_another_run_is_not_overwritten(
    tmp_path: Path, make_shard: MakeShard
) -> None:
    shards = _write_shards(tmp_path, make_shard)
    path = run_estimator(Dice(), shards, tmp_path / "run", _options())
    before = path.read_bytes()
    for changed in (shards[:2], shards):
        options = _options() if changed != shards else _options(seed=1)
        with pytest.raises(ConfigError, match="another run"):
            run_estimator(Dice(), changed, tmp_path / "run", options)
    assert path.read_bytes() == before


def test_progress_is_told_batch_by_batch_and_adds_up(tmp_path: Path, make_shard: MakeShard) -> None:
    shards = _write_shards(tmp_path, make_shard, 2)
    told: list[int] = []
    run_estimator(Dice(), shards, tmp_path / "run", _options(batch=2), told.append)
    assert told == [0, 1, 1, 1, 0, 1, 1, 1]


def test_a_limit_stops_after_that_many_frames(tmp_path: Path, make_shard: MakeShard) -> None:
    shards = _write_shards(tmp_path, make_shard)
    whole = read_predictions(run_estimator(Dice(), shards, tmp_path / "a", _options()))
    done: list[int] = []
    path = run_estimator(Dice(), shards, tmp_path / "b", _options(limit=4), done.append)
    found = read_predictions(path)
    assert sum(done) == len(found.frames) == 4
    assert min(done) >= 0
    np.testing.assert_array_equal(found.frames.id, whole.frames.id[:4])
    np.testing.assert_array_equal(found.estimates.transform, whole.estimates.transform[:8])


def _hold(folder: Path, ready: Any, leave: Any) -> None:
    with locked(folder):
        ready.set()
        leave.wait(30)


@pytest.mark.reliability
def test_a_folder_in_use_is_refused_and_a_crash_frees_it(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, leave = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(tmp_path, ready, leave))
    holder.start()
    try:
        assert ready.wait(30)
        with pytest.raises(ConfigError, match=f"process {holder.pid}"), locked(tmp_path):
            pass
    finally:
        holder.kill()
        holder.join()
    with locked(tmp_path):
        pass


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rotation": np.zeros((5, 3, 3))}, "rotation matrices"),
        ({"rotation": np.tile(np.diag([1.0, 1.0, -1.0]), (5, 1, 1))}, "reflected"),
        ({"translation": np.zeros((5, 2))}, "promises"),
        ({"hypotheses": None}, "promises"),
        ({"size": np.ones((5, 3))}, "promises"),
    ],
)
def test_what_is_not_a_pose_or_not_promised_is_refused(
    tmp_path: Path, make_shard: MakeShard, changes: dict[str, Any], message: str
) -> None:
    shards = _write_shards(tmp_path, make_shard, 1)
    broken = Dice(spoil=lambda estimate: replace(estimate, **changes))
    with pytest.raises(InvalidPoseError, match=message):
        run_estimator(broken, shards, tmp_path / "run", _options())


def test_an_estimate_that_is_not_finite_counts_as_missing(
    tmp_path: Path, make_shard: MakeShard
) -> None:
    def spoil(estimate: PoseEstimate) -> PoseEstimate:
        estimate.translation[2] = np.nan
        return estimate

    shards = _write_shards(tmp_path, make_shard, 1)
    found = read_predictions(run_estimator(Dice(spoil=spoil), shards, tmp_path / "r", _options()))
    np.testing.assert_array_equal(found.estimates.estimated, [1, 1, 0, 1, 1, 0])
    assert np.isfinite(found.estimates.transform).all()


@pytest.mark.reliability
def test_shards_of_different_data_sets_are_not_mixed(tmp_path: Path, make_shard: MakeShard) -> None:
    shards = _write_shards(tmp_path, make_shard, 2)
    other = make_shard(seed=7)
    write_shard(shards[1], replace(other, info=replace(other.info, dataset="other")))
    with pytest.raises(ShardFormatError, match=r"001\.h5.*one data set"):
        run_estimator(Dice(), shards, tmp_path / "run", _options())


def test_options_that_cannot_be_used_are_named() -> None:
    with pytest.raises(ConfigError, match="limit"):
        RunOptions(limit=0)
