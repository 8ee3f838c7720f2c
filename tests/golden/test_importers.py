"""Official result files go in and come out again unchanged, and detections are not results."""

import gzip
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from baselines.importers import ImportOptions, read_foreign
from baselines.importers.export import write_foreign
from benchmark.errors import DataFormatError
from benchmark.predictions import read_predictions, write_predictions
from tests.golden.parity import Parity

FRAME_SETS = (
    "frames_main",
    "edge_full",
    "edge_nolaptop",
    "edge_laptop_gt_only",
    "edge_laptop_det_only",
)


def load_pickle(path: Path) -> Any:
    """Load a golden pickle with Python's own loader, independently of the code under test."""
    data = path.read_bytes()
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    return pickle.loads(data)  # noqa: S301 - our own golden files


def assert_identical(parity: Parity, item: str, found: Any, expected: Any, where: str = "") -> None:
    """Compare nested dictionaries and arrays: same keys, types, shapes and bits."""
    assert type(found) is type(expected), where
    if isinstance(expected, dict):
        assert set(found) == set(expected), where
        for key, value in expected.items():
            assert_identical(parity, item, found[key], value, f"{where}/{key}")
    elif isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype, where
        parity(item, found, expected)
    else:
        assert found == expected, where


@pytest.mark.parametrize("name", FRAME_SETS)
def test_frames_come_out_of_p1_as_they_went_in(
    golden: Path, tmp_path: Path, parity: Parity, name: str
) -> None:
    folder = golden / "evaluator" / name
    imported = read_foreign(folder)
    write_predictions(tmp_path / "predictions.h5", imported)
    write_foreign(tmp_path / "p1", read_predictions(tmp_path / "predictions.h5"), "p1")
    originals = {path.name: path for path in folder.glob("*.pkl")}
    written = {path.name: path for path in (tmp_path / "p1").iterdir()}
    assert set(written) == set(originals)
    for file_name, path in originals.items():
        found, expected = load_pickle(written[file_name]), load_pickle(path)
        item = "frames in, P1 out, every value and type (`frames_main`, `edge_*`)"
        assert_identical(parity, item, found, expected, file_name)


def test_hypotheses_come_out_of_p4_as_they_went_in(
    golden: Path, tmp_path: Path, parity: Parity
) -> None:
    path = golden / "evaluator" / "k50_results_with_energy.pkl.gz"
    write_predictions(tmp_path / "predictions.h5", read_foreign(path))
    again = tmp_path / "again.pkl.gz"
    write_foreign(again, read_predictions(tmp_path / "predictions.h5"), "p4")
    item = "P4 in and out, every value and type (`k50_results_with_energy.pkl.gz`)"
    assert_identical(parity, item, load_pickle(again), load_pickle(path))
    assert list(load_pickle(again)) == list(load_pickle(path))


@pytest.mark.parametrize("name", FRAME_SETS)
def test_tables_hold_what_the_files_say(golden: Path, parity: Parity, name: str) -> None:
    folder = golden / "evaluator" / name
    predictions = read_foreign(folder)
    for row, path in enumerate(sorted(folder.glob("*.pkl"))):
        content = load_pickle(path)
        objects = predictions.ground_truth.take(predictions.ground_truth.frame == row)
        rows = np.flatnonzero(predictions.detections.frame == row)
        for key, found in (
            ("gt_RTs", objects.transform),
            ("gt_handle_visibility", objects.handle_visible),
            ("pred_RTs", predictions.estimates.transform[rows]),
            ("energy", predictions.energies[rows]),
            ("pred_scores", predictions.detections.confidence[rows]),
        ):
            parity(f"imported `{key}`", found, content[key].reshape(found.shape))


def test_the_placeholder_is_no_estimate_but_stays(golden: Path) -> None:
    predictions = read_foreign(golden / "evaluator" / "edge_full")
    row = list(predictions.frames.id).index("Real/test/edge/0012")
    detections = predictions.detections.frame == row
    assert detections.sum() == 1
    assert not predictions.estimates.estimated[detections].any()
    np.testing.assert_array_equal(predictions.estimates.transform[detections][0], np.eye(4))


def test_unsorted_hypotheses_keep_their_draw_order(golden: Path) -> None:
    predictions = read_foreign(golden / "evaluator" / "k50_results_with_energy.pkl.gz")
    assert predictions.info.draw_order
    assert predictions.hypotheses.dtype == np.float64


def test_detections_are_refused_as_a_result_and_kept_on_request(
    golden: Path, parity: Parity
) -> None:
    folder = golden / "preprocess" / "mrcnn_results" / "real_test"
    with pytest.raises(DataFormatError, match="genbench prepare --detections"):
        read_foreign(folder)
    kept = read_foreign(folder, options=ImportOptions(detections_only=True))
    assert not kept.estimates.estimated.any()
    assert not kept.info.has_ground_truth
    original = load_pickle(folder / "results_test_scene_1_0001.pkl.gz")
    row = list(kept.frames.id).index("Real/test/scene_1/0001")
    rows = kept.detections.frame == row
    parity("imported `rois`", kept.detections.bbox[rows], original["rois"])
    parity("imported `class_ids`", kept.detections.category[rows], original["class_ids"])
    parity("imported `scores`", kept.detections.confidence[rows], original["scores"])
