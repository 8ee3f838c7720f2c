"""What is written out: other projects' pickles, and tables."""

import json
import pickle
import pickletools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from baselines.importers import read_foreign
from baselines.importers.export import get_export_name, write_foreign
from benchmark.errors import ConfigError, UnknownNameError
from benchmark.pickle_writing import dump_pickle
from benchmark.predictions import Estimates, Predictions, RunInfo
from benchmark.records import Detections, Frames, GroundTruth


@pytest.fixture
def run(known: Any, true: Any) -> Predictions:
    """Return a run of ours: 2 frames, K = 3, no size, one detection without depth."""
    rng = np.random.default_rng(5)
    hypotheses = np.repeat(known.transform()[:, None, :3], 3, axis=1).astype(np.float32)
    hypotheses[..., 3] += rng.normal(size=(5, 3, 3)).astype(np.float32)
    estimated = np.array([1, 1, 0, 1, 1])
    transform = np.where(estimated[:, None, None], known.transform(), np.eye(4))
    return Predictions(
        info=RunInfo(estimator="genpose", dataset="synth6", split="test", label_set="1"),
        frames=Frames(
            id=np.array(["Real/test/scene_1/0000", "CAMERA/val/00003/0007"]),
            scene=np.array(["Real/test/scene_1", "CAMERA/val/00003"]),
            number=np.array([0, 7]),
            intrinsics=np.ones((2, 4)),
            image_size=np.full((2, 2), 640),
        ),
        ground_truth=GroundTruth(
            frame=np.array([0, 0, 1, 1]),
            category=true.category,
            instance=np.array(list("abcd")),
            transform=true.similarity()[0],
            extents=true.similarity()[1],
            bbox=true.bbox,
            handle_visible=np.ones(4),
            visible_pixels=np.ones(4),
        ),
        detections=Detections(
            frame=np.array([0, 0, 0, 1, 1]),
            category=known.category,
            bbox=known.bbox,
            confidence=known.confidence,
        ),
        estimates=Estimates(
            estimated=estimated, transform=transform, extents=np.full((5, 3), np.nan)
        ),
        hypotheses=hypotheses,
        energies=rng.normal(size=(5, 3, 2)).astype(np.float32),
    )


def test_a_run_goes_out_as_p1_and_comes_back(run: Predictions, tmp_path: Path) -> None:
    write_foreign(tmp_path / "p1", run, "p1")
    names = sorted(path.name for path in (tmp_path / "p1").iterdir())
    assert names == ["results_test_scene_1_0000.pkl", "results_val_00003_0007.pkl"]
    back = read_foreign(tmp_path / "p1")
    assert back.frames.id.tolist() == run.frames.id.tolist()
    np.testing.assert_array_equal(back.estimates.transform, run.estimates.transform)
    np.testing.assert_array_equal(back.estimates.estimated, run.estimates.estimated)
    np.testing.assert_allclose(back.ground_truth.transform, run.ground_truth.transform, rtol=1e-6)
    content = pickle.loads((tmp_path / "p1" / names[0]).read_bytes())  # noqa: S301 - ours
    assert content["gt_RTs"].dtype == np.float32
    assert (content["pred_scales"] == 1).all()


def test_a_run_goes_out_as_p4_sorted_by_energy(run: Predictions, tmp_path: Path) -> None:
    path = tmp_path / get_export_name("p4")
    write_foreign(path, run, "p4")
    content = pickle.loads(path.read_bytes())  # noqa: S301 - ours
    assert list(content) == ["data/Real/test/scene_1/0000", "data/CAMERA/val/00003/0007"]
    entry = content["data/Real/test/scene_1/0000"]
    assert entry["valid_inst"] == [0, 1]
    assert entry["cat_id"] == [int(c) - 1 for c in run.detections.category[:2]]
    result = entry["result"]
    assert (np.diff(result["energy"], axis=1) <= 0).all()
    for part, rows in ((0, np.s_[:3, :3]), (1, np.s_[:3, 3])):
        best = run.energies[0, :, part].argmax()
        expected = run.hypotheses[0, best][rows]
        np.testing.assert_array_equal(result["multi_hypothesis_pred_RTs"][0, 0][rows], expected)
    assert (result["pred_RTs"] == np.eye(4)).all()
    assert not read_foreign(path).info.draw_order


def test_p4_needs_hypotheses(run: Predictions, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="export p1"):
        write_foreign(tmp_path / "x.pkl", replace(run, hypotheses=None, energies=None), "p4")
    assert not list(tmp_path.iterdir())


def test_placeholders_and_zero_energies_go_back_as_they_came(
    known: Any, tmp_path: Path, write: Callable[[str, Any], Path]
) -> None:
    result = {
        "pred_class_ids": known.category,
        "pred_bboxes": known.bbox,
        "pred_scores": known.confidence,
        "pred_RTs": np.tile(np.eye(4, dtype=np.float32), (5, 1, 1)),
        "pred_scales": np.ones((5, 3), dtype=np.float32),
        "multi_hypothesis_pred_RTs": np.repeat(known.transform()[:, None], 3, axis=1),
        "energy": np.zeros((5, 3, 2)),
    }
    original = {"x/scene_1/0": {"result": result, "cat_id": [2], "valid_inst": [3]}}
    again = tmp_path / "again.pkl"
    write_foreign(again, read_foreign(write("results_wo_energy.pkl", original)), "p4")
    content = pickle.loads(again.read_bytes())  # noqa: S301 - ours
    assert list(content) == list(original)
    entry = content["x/scene_1/0"]
    assert {k: v for k, v in entry.items() if k != "result"} == {"cat_id": [2], "valid_inst": [3]}
    assert set(entry["result"]) == set(result)
    for key, value in result.items():
        assert entry["result"][key].dtype == value.dtype
        np.testing.assert_array_equal(entry["result"][key], value)


def test_failures_and_odd_empty_shapes_go_back_as_they_came(
    known: Any, tmp_path: Path, write: Callable[[str, Any], Path]
) -> None:
    poses = known.similarity()[0]
    poses[1], poses[3] = 0.0, np.eye(4)
    full = {
        "pred_class_ids": known.category,
        "pred_bboxes": known.bbox,
        "pred_scores": known.confidence,
        "pred_RTs": poses,
        "pred_scales": known.size,
        "image_path": "data/Real/test/scene_1/0000",
        "image_id": 17,
    }
    empty = {"pred_RTs": np.zeros(0), "pred_scales": np.zeros((0, 4, 4)), "image_path": "scene_1/1"}
    empty |= {key: np.zeros(0) for key in ("pred_class_ids", "pred_bboxes", "pred_scores")}
    write("run/results_test_scene_1_0000.pkl", [full])
    folder = write("run/results_test_scene_1_0001.pkl", empty).parent
    write_foreign(tmp_path / "again", read_foreign(folder), "p1")
    for name, original in (("0000", full), ("0001", empty)):
        path = tmp_path / "again" / f"results_test_scene_1_{name}.pkl"
        content = pickle.loads(path.read_bytes())  # noqa: S301 - ours
        content = content[0] if name == "0000" else content
        assert set(content) == set(original)
        for key, value in original.items():
            assert np.asarray(content[key]).shape == np.shape(value)
            np.testing.assert_array_equal(content[key], value)


def test_frame_ids_never_become_folders(run: Predictions, tmp_path: Path) -> None:
    ids = np.array(["../../escape/0000", "/etc/x"])
    hostile = replace(run, frames=replace(run.frames, id=ids))
    write_foreign(tmp_path / "deep" / "p1", hostile, "p1")
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.parent for path in written} == {tmp_path / "deep" / "p1"}
    same = replace(run, frames=replace(run.frames, id=np.array(["a/b", "a_b"])))
    with pytest.raises(ConfigError, match="same scene and number"):
        write_foreign(tmp_path / "same", same, "p1")


def test_pickles_name_numpy_as_numpy_1_does() -> None:
    text = "cnumpy._core.multiarray\n_reconstruct\n"
    value = {"array": np.arange(6.0).reshape(2, 3), "text": text, "bytes": text.encode()}
    data = dump_pickle(value)
    modules = [str(arg) for op, arg, _ in pickletools.genops(data) if op.name == "GLOBAL"]
    assert modules
    assert not [name for name in modules if "_core" in name]
    back = pickle.loads(data)  # noqa: S301 - ours
    assert back["text"] == text
    assert back["bytes"] == text.encode()
    np.testing.assert_array_equal(back["array"], value["array"])


def test_csv_says_where_everything_is(run: Predictions, known: Any, tmp_path: Path) -> None:
    write_foreign(tmp_path / "poses.csv", run, "csv")
    table = pd.read_csv(tmp_path / "poses.csv")
    assert table.frame.tolist() == ["Real/test/scene_1/0000"] * 3 + ["CAMERA/val/00003/0007"] * 2
    rotation = table[[f"r{i}{j}" for i in range(3) for j in range(3)]].to_numpy().reshape(-1, 3, 3)
    rows = [0, 1, 3, 4]
    np.testing.assert_allclose(rotation[rows], known.rotation[rows], rtol=0, atol=1e-15)
    np.testing.assert_array_equal(
        table[["tx", "ty", "tz"]].to_numpy()[rows], known.translation[rows]
    )
    assert np.isnan(rotation[2]).all()
    assert table.size_x.isna().all()


def test_json_holds_the_hypotheses(run: Predictions, known: Any, tmp_path: Path) -> None:
    sized = replace(run, estimates=replace(run.estimates, extents=known.size))
    write_foreign(tmp_path / "poses.json", sized, "json")
    entries = json.loads((tmp_path / "poses.json").read_text())["detections"]
    assert [entry["rotation"] is None for entry in entries] == [False, False, True, False, False]
    np.testing.assert_allclose(entries[0]["rotation"], known.rotation[0], atol=1e-15)
    np.testing.assert_allclose(entries[0]["size"], known.size[0], rtol=1e-12)
    np.testing.assert_array_equal(entries[4]["hypotheses"], run.hypotheses[4])
    np.testing.assert_array_equal(entries[4]["energies"], run.energies[4])


def test_unknown_export_format(run: Predictions, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="export format"):
        write_foreign(tmp_path / "x", run, "p2")
