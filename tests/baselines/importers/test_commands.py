"""`genbench import` and `genbench export` from the outside."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from benchmark.cli.main import main
from benchmark.predictions import read_predictions


@pytest.fixture
def result_folder(known: Any, true: Any, write: Any) -> Path:
    """Return a folder with two frames of an SPD-style result."""
    (transform, extents), (true_transform, true_extents) = known.similarity(), true.similarity()
    columns = {
        "gt_class_ids": true.category,
        "gt_bboxes": true.bbox,
        "gt_RTs": true_transform,
        "gt_scales": true_extents,
        "pred_class_ids": known.category,
        "pred_bboxes": known.bbox,
        "pred_scores": known.confidence,
        "pred_RTs": transform,
        "pred_scales": extents,
    }
    for frame in range(2):
        path = write(f"eval_real/results_test_scene_1_{frame:04d}.pkl", columns)
    return Path(path).parent


def invoke(*arguments: object) -> Result:
    """Run the command line."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_import_writes_a_run_folder_and_says_what_it_assumed(
    result_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENBENCH_HOME", str(result_folder.parent))
    result = invoke("import", result_folder, "--method", "spd")
    assert result.exit_code == 0, result.stderr
    file = result_folder.parent / "genbench-runs" / "imported-eval_real" / "predictions.h5"
    assert result.stdout.strip() == str(file)
    assert "assumed: no 'gt_handle_visibility'" in result.stderr
    predictions = read_predictions(file)
    assert predictions.info.estimator == "spd"
    assert set(predictions.info.fingerprints) == {"detections", "labels"}


def test_import_prints_json(result_folder: Path) -> None:
    result = invoke("import", result_folder, "--out", result_folder.parent / "x.h5", "--json")
    summary = json.loads(result.stdout)
    assert (summary["form"], summary["frames"], summary["estimates"]) == ("p1", 2, 10)
    assert summary["file"].endswith("x.h5")


def test_export_after_import(result_folder: Path, known: Any) -> None:
    out = result_folder.parent / "run"
    invoke("import", result_folder, "--out", out)
    result = invoke("export", out, "--format", "csv")
    assert result.exit_code == 0, result.stderr
    lines = Path(result.stdout.strip()).read_text().splitlines()
    assert len(lines) == 1 + 10
    assert np.isclose(float(lines[1].split(",")[19]), known.translation[0, 0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("import", "nowhere"), "no such file or folder"),
        (("import", ".", "--format", "p0"), "unknown form 'p0'"),
        (("export", "nowhere", "--format", "csv"), "nowhere"),
        (("export", "nowhere", "--format", "p9"), "unknown export format 'p9'"),
    ],
)
def test_mistakes_end_in_one_line_and_exit_2(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke(*arguments)
    assert result.exit_code == 2
    error = [line for line in result.stderr.splitlines() if line.startswith("genbench: ")]
    assert len(error) == 1
    assert message in error[0]
    assert not list(tmp_path.iterdir())
