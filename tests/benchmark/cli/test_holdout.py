"""`genbench run --holdout`: the row, its proof, and weights that have to be trained first."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from benchmark.cli.main import main
from benchmark.diffusion import presets
from benchmark.predictions import read_run_info
from benchmark.shards import Shard, write_shard

MakeShard = Callable[..., Shard]
UNSEEN = "compact-short-without-bowl"
FEW = ("--hypotheses", 2, "--steps", 2, "--device", "cpu")


@pytest.fixture
def shards(tmp_path: Path, make_shard: MakeShard) -> Path:
    """Return a folder with a test shard of six categories."""
    write_shard(tmp_path / "shards" / "test-real-0000.h5", make_shard(12))
    return tmp_path / "shards"


@pytest.fixture
def train_shards(tmp_path: Path, make_shard: MakeShard) -> Path:
    """Return a folder with a training shard of other instances, two of each category."""
    shard = make_shard(12, seed=1)
    truth = shard.ground_truth
    shard = replace(
        shard,
        info=replace(shard.info, split="train"),
        ground_truth=replace(truth, instance=[f"toy_{row:04d}" for row in range(len(truth))]),
        objects=replace(shard.objects, detection=np.full(len(shard.objects), -1)),
    )
    write_shard(tmp_path / "train" / "train-real-00000.h5", shard)
    return tmp_path / "train"


@pytest.fixture(autouse=True)
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ship weights without bowls, and full ones that say that they were trained for one step."""
    folder = tmp_path / "shipped"
    for name in ("compact-short", UNSEEN):
        shutil.copytree(presets.SHIPPED / name, folder / name)
    path = folder / "compact-short" / "card.json"
    card = json.loads(path.read_text())
    card["options"]["steps"] = 1
    path.write_text(json.dumps(card))
    monkeypatch.setattr(presets, "SHIPPED", folder)
    monkeypatch.setenv("GENBENCH_HOME", str(tmp_path))


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["run", *map(str, arguments)])


def test_it_prints_the_row_with_its_proof(shards: Path, tmp_path: Path) -> None:
    result = _run(shards, "--holdout", "bowl", *FEW, "--out", tmp_path)
    assert result.exit_code == 0, result.stderr
    for text in ("bowl", "5deg_2cm", f"unseen: {UNSEEN}, 2,500 score"):
        assert text in result.stdout
    row = json.loads((tmp_path / "holdout-bowl" / "holdout.json").read_text())
    assert row["same_training_shards"]
    assert "bowl" in row["seen"]["trained_on"]["categories"]
    assert "bowl" not in row["unseen"]["trained_on"]["categories"]
    assert row["unseen"]["never_trained_on"]["instances"] == ["mug_äöü_norm"]


def test_both_runs_are_ordinary_runs(shards: Path, tmp_path: Path) -> None:
    _run(shards, "--holdout", "bowl", *FEW, "--out", tmp_path)
    infos = [
        read_run_info(tmp_path / name / "predictions.h5")
        for name in ("genpose-short", "holdout-bowl")
    ]
    weights = [info.configuration["weights"] for info in infos]
    assert weights == ["compact-short", UNSEEN]
    assert [info.configuration.get("holdout") for info in infos] == [None, "bowl"]
    assert (tmp_path / "holdout-bowl" / "result.json").exists()


def test_weights_that_are_not_shipped_are_trained_once(
    shards: Path, train_shards: Path, tmp_path: Path
) -> None:
    arguments = (shards, "--holdout", "laptop", "--train-shards", train_shards, *FEW, "--json")
    first, second = _run(*arguments), _run(*arguments)
    assert first.exit_code == 0, first.stderr
    assert "no weights without laptop are shipped" in first.stderr
    assert "are shipped" not in second.stderr
    row = json.loads(second.stdout)
    assert row["unseen"]["training_steps"] == {"score": 1, "energy": 1}
    assert row["unseen"]["trained_on"]["objects"] == 19
    assert not row["same_training_shards"]
    assert (tmp_path / "genbench-runs" / "holdout-laptop" / "predictions.h5").exists()


def test_weights_trained_on_the_test_instances_are_refused(
    shards: Path, train_shards: Path
) -> None:
    shard = next(train_shards.iterdir())
    shutil.copy(next(shards.iterdir()), shard)
    result = _run(shards, "--holdout", "laptop", "--train-shards", train_shards, *FEW)
    assert result.exit_code == 2
    assert "the weights were trained on test-real-0000.h5" in result.stderr


@pytest.mark.parametrize(
    "option", [("--weights", "compact"), ("--preset", "paper"), ("--estimator", "mean-pose")]
)
def test_options_that_choose_weights_are_refused(shards: Path, option: tuple[str, str]) -> None:
    result = _run(shards, "--holdout", "bowl", *option)
    assert result.exit_code == 2
    assert "leave out" in result.stderr


def test_an_unknown_category_is_refused(shards: Path) -> None:
    result = _run(shards, "--holdout", "bowls")
    assert result.exit_code == 2
    assert "did you mean 'bowl'" in result.stderr


def test_an_unknown_category_is_refused_before_anything_is_rendered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder := tmp_path / "empty").mkdir()
    monkeypatch.chdir(folder)
    result = _run("--holdout", "plate")
    assert result.exit_code == 2
    assert "unknown category 'plate'" in result.stderr
    assert list(folder.iterdir()) == []
