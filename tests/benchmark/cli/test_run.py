"""`genbench run` and `genbench list`, from the command line to the files that they leave."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from benchmark import registry
from benchmark.cli.main import main
from benchmark.predictions import read_predictions
from benchmark.shards import Shard, write_shard

MakeShard = Callable[..., Shard]


@pytest.fixture
def shards(tmp_path: Path, make_shard: MakeShard) -> Path:
    """Return a folder of two shards with six categories."""
    for number in range(2):
        shard = make_shard(12, seed=number, scene=f"scene_{number}")
        write_shard(tmp_path / "shards" / f"test-real-{number:03d}.h5", shard)
    return tmp_path / "shards"


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["run", *map(str, arguments)])


def test_it_leaves_predictions_result_and_tables(shards: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = _run(shards, "--estimator", "mean-pose", "--out", out)
    assert result.exit_code == 0, result.stderr
    for word in ("bottle", "mug", "mean", "5deg_2cm", "genpose"):
        assert word in result.stdout
    predictions = read_predictions(out / "predictions.h5")
    assert len(predictions.frames) == 24
    assert predictions.info.environment["clouds"] == 46
    assert json.loads((out / "result.json").read_text())["run"]["estimator"] == "mean-pose"
    assert (out / "table.csv").read_text().count("\n") == 8
    assert (out / "table.md").exists()


@pytest.fixture
def sequence(tmp_path: Path, make_shard: MakeShard) -> Path:
    """Return a shard whose objects have names, as tracking needs them."""
    shard = make_shard(3)
    names = [f"object_{row % 2}" for row in range(6)]
    path = tmp_path / "test-real-0000.h5"
    write_shard(path, replace(shard, ground_truth=replace(shard.ground_truth, instance=names)))
    return path


def test_tracking_is_scored_as_tracking_and_says_how_fast(sequence: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ["--hypotheses", 2, "--steps", 2, "--warm-start", "text", "--policy", "coast"]
    result = _run(sequence, "--track", *options, "--out", out)
    assert result.exit_code == 0, result.stderr
    assert "protocol tracking-genpose" in result.stdout
    assert "frames per second" in result.stderr
    assert read_predictions(out / "predictions.h5").info.configuration["tracking"] == {
        "policy": "coast",
        "perturbation": "perturbed",
        "t0": 0.1,
        "sigma": 0.023437,
    }
    assert (out / "drift.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--policy", "coast"], "--policy: only tracking has this"),
        (["--warm-start", "text"], "give --track"),
        (["--track", "--estimator", "mean-pose"], "'mean-pose' does not track"),
        (["--track", "--estimator", "oracle-icp"], "--models DATA/obj_models"),
        (["--track", "--t0", 0.2, "--warm-start", "text"], "contradict"),
    ],
)
def test_mistakes_in_tracking_are_one_line(
    sequence: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    result = _run(sequence, *arguments, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "out" / "predictions.h5").exists()


def test_json_is_one_document(shards: Path, tmp_path: Path) -> None:
    result = _run(shards, "--estimator", "mean-pose", "--out", tmp_path / "out", "--json")
    assert json.loads(result.stdout)["run"]["dataset"] == "toy"


def test_the_default_folder_is_one_per_run(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENBENCH_HOME", str(tmp_path))
    for options in (["--limit", 2], ["--limit", 2], ["--limit", 3]):
        assert _run(shards, "--estimator", "mean-pose", *options).exit_code == 0
    folders = sorted(path.name for path in (tmp_path / "genbench-runs").iterdir())
    assert len(folders) == 2
    assert folders[0].startswith("mean-pose-toy-test-")


def test_own_data_gives_poses_with_their_spread(tmp_path: Path, make_shard: MakeShard) -> None:
    shard = make_shard(2)
    own = replace(
        shard,
        info=replace(shard.info, dataset="own", source="own", has_ground_truth=False),
        ground_truth=type(shard.ground_truth).empty(),
        objects=replace(shard.objects, ground_truth=np.full(len(shard.objects), -1)),
    )
    write_shard(tmp_path / "test-own-000.h5", own)
    out = tmp_path / "out"
    result = _run(tmp_path, "--estimator", "mean-pose", "--out", out)
    assert result.exit_code == 0, result.stderr
    assert "spread_deg" in result.stdout
    assert "Real/test/scene_1/0001" in result.stdout
    assert "no ground truth" in result.stderr
    assert len(pd.read_csv(out / "poses.csv")) == 4
    assert len(json.loads((out / "poses.json").read_text())["detections"]) == 4
    assert not (out / "result.json").exists()


@pytest.mark.reliability
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no-such-folder"], "run genbench prepare first"),
        (["SHARDS", "--estimator", "mean-poze"], "did you mean 'mean-pose'?"),
        (["SHARDS", "--estimator", "mean-pose", "--t0", "0.5"], "no option t0"),
        (["SHARDS", "--estimator", "mean-pose", "--split", "val"], "val-*.h5"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    shards: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    given = [str(shards) if item == "SHARDS" else item for item in arguments]
    default = [] if "--estimator" in given else ["--estimator", "mean-pose"]
    result = _run(*given, *default, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.reliability
def test_a_truncated_shard_leaves_no_predictions(shards: Path, tmp_path: Path) -> None:
    broken = shards / "test-real-001.h5"
    broken.write_bytes(broken.read_bytes()[:5000])
    result = _run(shards, "--estimator", "mean-pose", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "test-real-001.h5" in result.stderr
    assert not (tmp_path / "out" / "predictions.h5").exists()


def test_list_shows_what_there_is(
    shards: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GENBENCH_HOME", str(tmp_path))
    shards.rename(tmp_path / "genbench-data")
    monkeypatch.setitem(registry.BUILT_IN, "broken", "no_such_package:Absent")
    shown = CliRunner().invoke(main, ["list"])
    assert shown.exit_code == 0, shown.stderr
    for words in (
        "mean-pose",
        "synth6",
        "strict",
        "shards of toy test (real)",
        "broken: estimator",
    ):
        assert words in shown.stdout
    found = json.loads(CliRunner().invoke(main, ["list", "--json"]).stdout)
    assert {"genpose", "mean-pose"} <= {row["name"] for row in found["estimators"]}
    assert {"genpose", "nocs"} <= {row["name"] for row in found["protocols"]}
