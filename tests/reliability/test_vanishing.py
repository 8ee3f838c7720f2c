"""Files that vanish, shrink or turn up again while a command reads them."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import preprocess.prepare
from baselines.mean_pose import MeanPose
from benchmark import shards as shards_module
from benchmark.errors import GenBenchError, ShardFormatError
from benchmark.estimator import Observations, PoseEstimate
from benchmark.predictions import read_predictions
from benchmark.running import RunOptions, run_estimator
from benchmark.shards import find_shards, read_shard
from preprocess.prepare import PrepareOptions, ShardTask, build_shard, plan_shards
from preprocess.sources import find_sources
from tests.reliability.content import describe
from tests.reliability.world import World

pytestmark = pytest.mark.reliability

Disturb = Callable[[], object]


@dataclass
class Disturbed(MeanPose):
    """The mean pose, and something that happens before every estimate."""

    disturb: Disturb

    def estimate(self, observations: Observations) -> PoseEstimate:
        """Let it happen, and estimate."""
        self.disturb()
        return super().estimate(observations)


@pytest.fixture
def shards(world: World, tmp_path: Path) -> list[Path]:
    """Return copies of test shards."""
    world.expect("prepare")
    found = find_shards(world.get_output("prepare"), split="test")
    return [Path(shutil.copy(path, tmp_path)) for path in found]


def _run(shards: list[Path], out: Path, disturb: Disturb = lambda: None) -> Path:
    return run_estimator(Disturbed(disturb), shards, out, RunOptions(batch=2))


def test_a_run_has_read_its_shard_before_it_begins(shards: list[Path], tmp_path: Path) -> None:
    """Cut short under a memory map, a file would kill the process."""
    expected = _run(shards, tmp_path / "whole")
    found = _run(shards, tmp_path / "run", lambda: shards[0].write_bytes(b""))
    first = read_predictions(expected).estimates.transform
    assert (read_predictions(found).estimates.transform == first).all()


def test_a_shard_that_vanishes_is_named_and_the_run_goes_on_when_it_is_back(
    shards: list[Path], tmp_path: Path
) -> None:
    expected = _run(shards, tmp_path / "whole")
    away = tmp_path / "away"
    with pytest.raises(ShardFormatError, match=f"{shards[1].name}: no such file"):
        _run(shards, tmp_path / "run", lambda: away.exists() or shards[1].rename(away))
    away.rename(shards[1])
    _run(shards, tmp_path / "run")
    assert describe(tmp_path / "run") == describe(expected.parent)


def test_a_run_folder_that_vanishes_is_an_error_and_no_result(
    shards: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    expected = _run(shards, tmp_path / "whole")
    first = out / "parts" / shards[0].name
    with pytest.raises((GenBenchError, OSError)):
        _run(shards, out, lambda: first.exists() and shutil.rmtree(out))
    assert not (out / "predictions.h5").exists()
    _run(shards, out)
    assert describe(out) == describe(expected.parent)


def test_every_shard_is_verified_once_in_a_run(
    shards: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []
    compute = shards_module.compute_checksum

    def count(tables: Any) -> str:
        calls.append(tables)
        return compute(tables)

    monkeypatch.setattr(shards_module, "compute_checksum", count)
    _run(shards, tmp_path / "run")
    assert len(calls) == len(shards)


def test_a_frame_that_vanishes_is_left_out_and_made_again_when_it_is_back(
    world: World, tmp_path: Path
) -> None:
    task, expected = _build_first_shard(world, tmp_path)
    victim, away = _find_depth(task), tmp_path / "away"
    victim.rename(away)
    try:
        build_shard(task)
        left_out = read_shard(task.path).quarantine
        assert victim.name in left_out.detail[0]
        assert build_shard(task).kept
    finally:
        away.rename(victim)
    assert not build_shard(task).kept
    assert task.path.read_bytes() == expected


def test_what_is_read_is_what_was_fingerprinted_although_the_file_vanishes(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, expected = _build_first_shard(world, tmp_path)
    victim, away = _find_depth(task), tmp_path / "away"
    read = preprocess.prepare.read_frame

    def vanish_and_read(reader: Any, frame: Any) -> Any:
        if victim.exists():
            victim.rename(away)
        return read(reader, frame)

    monkeypatch.setattr(preprocess.prepare, "read_frame", vanish_and_read)
    try:
        build_shard(task)
    finally:
        away.rename(victim)
    assert task.path.read_bytes() == expected


def _build_first_shard(world: World, folder: Path) -> tuple[ShardTask, bytes]:
    """Build a shard of a copied tree and remove it; return its task and its bytes.

    Other processes read the tree itself meanwhile.
    """
    world.expect("synth")
    tree = shutil.copytree(world.get_output("synth"), folder / "tree")
    sources = find_sources(tree, PrepareOptions(split="test"))
    task = plan_shards(sources[0], folder)[0]
    build_shard(task)
    expected = task.path.read_bytes()
    task.path.unlink()
    return task, expected


def _find_depth(task: ShardTask) -> Path:
    files = [path for paths in task.reader.list_files(task.frames[0]).values() for path in paths]
    return next(path for path in files if path.name.endswith("depth.png"))
