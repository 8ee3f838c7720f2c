"""`genbench evaluate`: runs, single files and other methods' files, under several protocols."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from benchmark.cli.main import main
from benchmark.predictions import Estimates, Predictions, RunInfo, write_predictions
from benchmark.records import Detections, Frames, GroundTruth

CATEGORIES = np.arange(1, 7)


def _make(*, sizes: bool = False, truth: bool = True) -> Predictions:
    """One frame with one object of each category, found where it is."""
    transform = np.tile(np.eye(4), (6, 1, 1))
    transform[:, :3, :3] *= 0.2
    transform[:, :3, 3] = np.c_[np.linspace(-0.3, 0.3, 6), np.zeros(6), np.ones(6)]
    boxes = np.array([[100, 90 * i, 180, 90 * i + 60] for i in range(6)])
    extents = np.full((6, 3), 0.6)
    annotated = GroundTruth(
        frame=np.zeros(6),
        category=CATEGORIES,
        instance=[f"object_{i}" for i in CATEGORIES],
        transform=transform,
        extents=extents,
        bbox=boxes,
        handle_visible=np.ones(6),
        visible_pixels=np.full(6, 900),
    )
    return Predictions(
        info=RunInfo(
            estimator="made-up",
            dataset="synth",
            split="test",
            label_set="spd",
            has_ground_truth=truth,
        ),
        frames=Frames(
            id=["Real/test/scene_1/0000"],
            scene=["Real/test/scene_1"],
            number=[0],
            intrinsics=np.ones((1, 4)),
            image_size=[[640, 480]],
        ),
        ground_truth=annotated if truth else annotated.take(slice(0, 0)),
        detections=Detections(
            frame=np.zeros(6), category=CATEGORIES, bbox=boxes, confidence=np.linspace(0.4, 0.9, 6)
        ),
        estimates=Estimates(
            estimated=np.ones(6),
            transform=transform,
            extents=extents if sizes else np.full((6, 3), np.nan),
        ),
    )


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["evaluate", *map(str, arguments)])


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Write a run without sizes."""
    write_predictions(tmp_path / "predictions.h5", _make())
    return tmp_path


def test_a_run_gets_tables_beside_its_predictions(run: Path) -> None:
    result = _run(run)
    assert result.exit_code == 0, result.output
    assert "protocol genpose/1, 1 frames" in result.stdout
    assert "│ mean " in result.stdout
    for name in ("result.json", "table.csv", "table.md", "instances.csv", "curves.npz"):
        assert (run / name).is_file()


def test_json_holds_a_block_a_protocol(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "elsewhere"
    result = _run(run / "predictions.h5", "--protocol", "genpose,strict", "--json", "--out", out)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["protocols"]["strict"]["mean"]["5deg_2cm"] == 100.0
    assert document["protocols"]["genpose"]["mean"] == document["protocols"]["strict"]["mean"]
    assert json.loads((out / "result.json").read_text()) == document
    assert not (run / "result.json").exists()


def test_explanations_need_two_protocols(run: Path) -> None:
    result = _run(run, "--explain")
    assert result.exit_code == 2
    assert "--protocol genpose,strict" in result.stderr
    result = _run(run, "--explain", "--protocol", "genpose,strict")
    assert result.exit_code == 0
    assert "0 flips between genpose and strict" in result.stderr


def test_flips_are_listed_one_a_line(tmp_path: Path) -> None:
    predictions = _make(sizes=True)
    predictions.estimates.transform[4, :3, 3] += 2.0
    predictions.detections.bbox[5] += 300
    write_predictions(tmp_path / "predictions.h5", predictions)
    result = _run(tmp_path, "--explain", "--protocol", "genpose,strict")
    lines = [line for line in result.stdout.splitlines() if ": only strict; genpose" in line]
    assert any("object_6 5deg_2cm" in line and "no match" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--protocol", "nocs"], "--sizes gt"),
        (["--protocol", "genposs"], "did you mean 'genpose'"),
        (["--keep", "1.5"], "keep must be above 0 and at most 1"),
        (["--hypotheses", "0"], "hypotheses must be at least 1"),
        (["--protocol", ","], "no protocol"),
    ],
)
def test_mistakes_are_one_line(run: Path, arguments: list[str], message: str) -> None:
    result = _run(run, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (run / "result.json").exists()


def test_own_data_without_annotations(tmp_path: Path) -> None:
    write_predictions(tmp_path / "predictions.h5", _make(truth=False))
    result = _run(tmp_path)
    assert result.exit_code == 2
    assert "no ground truth" in result.stderr


def test_paths_that_hold_no_predictions(tmp_path: Path) -> None:
    assert _run(tmp_path / "nowhere").exit_code == 2
    empty = tmp_path / "empty"
    empty.mkdir()
    assert _run(empty).exit_code == 2
    (tmp_path / "broken.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"0" * 100)
    assert _run(tmp_path / "broken.h5").exit_code == 2


def test_files_of_other_methods_are_scored_in_place(tmp_path: Path) -> None:
    source = _make(sizes=True)
    truths, detections = source.ground_truth, source.detections
    content = {
        "gt_class_ids": truths.category.astype(np.int64),
        "gt_bboxes": truths.bbox,
        "gt_RTs": truths.transform,
        "gt_scales": truths.extents,
        "gt_handle_visibility": truths.handle_visible.astype(np.int64),
        "pred_class_ids": detections.category.astype(np.int64),
        "pred_bboxes": detections.bbox,
        "pred_scores": detections.confidence,
        "pred_RTs": source.estimates.transform,
        "pred_scales": source.estimates.extents,
    }
    path = tmp_path / "results_test_scene_1_0000.pkl"
    path.write_bytes(pickle.dumps(content))
    result = _run(path, "--protocol", "nocs,strict", "--json")
    assert result.exit_code == 0, result.output
    blocks = json.loads(result.stdout)["protocols"]
    assert blocks["nocs"]["mean"]["10deg_5cm"] == 100.0
    assert blocks["strict"]["mean"]["iou_75"] == 100.0
    assert list(tmp_path.iterdir()) == [path]
