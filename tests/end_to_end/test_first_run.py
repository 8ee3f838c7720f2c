"""What a newcomer types: `genbench run`, from nothing to the table, and the same once more."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from benchmark.categories import CATEGORY_NAMES
from benchmark.cli.main import main
from benchmark.predictions import read_predictions
from preprocess.synthetic.plans import PLANS, PartPlan, TreePlan

FRAMES = 3


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty home, with a `small` that takes seconds instead of half a minute."""
    parts = {"CAMERA/val": PartPlan(scenes=1, frames=1, models=2)}
    parts["Real/test"] = PartPlan(scenes=1, frames=FRAMES, models=2)
    monkeypatch.setitem(PLANS, "small", TreePlan(parts=parts))
    monkeypatch.setenv("GENBENCH_HOME", str(tmp_path))
    return tmp_path


def _run(*options: str) -> Result:
    result = CliRunner().invoke(main, ["run", *options])
    assert result.exit_code == 0, result.stderr
    return result


def test_it_renders_prepares_runs_and_prints_the_table(home: Path) -> None:
    result = _run("--hypotheses", "4")
    assert f"in {FRAMES} frames" in result.stderr
    (run,) = (home / "genbench-runs").iterdir()
    with (run / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["category"] for row in rows] == [*CATEGORY_NAMES, "mean"]
    assert {"5deg_2cm", "10deg_5cm", "instances", "hypotheses_per_s"} <= rows[0].keys()
    predictions = read_predictions(run / "predictions.h5")
    assert predictions.hypotheses is not None
    assert predictions.hypotheses.shape[1:] == (4, 3, 4)
    assert predictions.info.estimator == "genpose"
    assert len(predictions.frames) == FRAMES
    fingerprints = json.loads((run / "result.json").read_text())["run"]["fingerprints"]
    assert {"detections", "labels", "weights:score", "weights:energy"} <= fingerprints.keys()


def test_the_second_time_nothing_is_made_again(home: Path) -> None:
    first = _run("--estimator", "mean-pose")
    files = {path: path.stat().st_mtime_ns for path in home.rglob("*.[hp][5n]*")}
    second = _run("--estimator", "mean-pose")
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*.[hp][5n]*")} == files
    assert second.stdout == first.stdout
    assert "was complete already" in second.stderr
