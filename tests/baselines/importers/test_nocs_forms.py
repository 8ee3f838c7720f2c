"""P1 to P4: a known pose written in each form comes back as itself."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from baselines.importers import ImportOptions, read_foreign
from benchmark.predictions import read_predictions, write_predictions

Z180 = np.array([-1.0, -1.0, 1.0])


def columns(known: Any, true: Any, *, unit: bool = False) -> dict[str, Any]:
    """Write NOCS's columns, the scale in the matrix or (unit) in the scales."""
    transform, extents = known.similarity()
    if unit:
        transform, extents = known.transform(), known.size
    true_transform, true_extents = true.similarity()
    return {
        "gt_class_ids": true.category,
        "gt_bboxes": true.bbox.astype(np.int32),
        "gt_RTs": true_transform,
        "gt_scales": true_extents,
        "gt_handle_visibility": np.arange(len(true.category)) % 2,
        "pred_class_ids": known.category,
        "pred_bboxes": known.bbox.astype(np.int32),
        "pred_scores": known.confidence,
        "pred_RTs": transform,
        "pred_scales": extents,
    }


@pytest.mark.parametrize("unit", [False, True], ids=["scale in matrix", "metric scales"])
@pytest.mark.parametrize("suffix", [".pkl", ".pkl.gz"])
def test_p1_both_scale_conventions(
    known: Any, true: Any, write: Any, assert_poses: Callable[..., None], unit: bool, suffix: str
) -> None:
    path = write(f"results_test_scene_3_0042{suffix}", columns(known, true, unit=unit))
    read = read_foreign(path)
    assert_poses(read.estimates, known)
    assert_poses(read.ground_truth, true)
    assert read.frames.id.tolist() == ["Real/test/scene_3/0042"]
    np.testing.assert_array_equal(read.detections.category, known.category)
    np.testing.assert_array_equal(read.detections.bbox, known.bbox)
    np.testing.assert_array_equal(read.detections.confidence, known.confidence)
    np.testing.assert_array_equal(read.ground_truth.handle_visible, [0, 1, 0, 1])


def test_p1_list_of_one_names_its_frame_by_its_image_path(
    known: Any, true: Any, write: Any
) -> None:
    content = columns(known, true) | {"image_path": "/home/me/data/CAMERA/val/00012/0003_color.png"}
    read = read_foreign(write("anything.pkl", [content]))
    assert read.info.configuration["form"] == "p1"
    assert read.frames.id.tolist() == ["CAMERA/val/00012/0003"]
    assert read.frames.intrinsics[0, 0] == 577.5


def test_p1_without_estimate_stays_a_wrong_prediction(known: Any, true: Any, write: Any) -> None:
    content = columns(known, true)
    content["pred_RTs"][0] = np.eye(4)
    content["pred_RTs"][1] = 0.0
    content["pred_RTs"][2] = np.nan
    content["pred_RTs"][3, :3, :3] *= -1
    read = read_foreign(write("results_test_scene_1_0000.pkl", content))
    assert read.estimates.estimated.tolist() == [0, 0, 0, 0, 1]
    np.testing.assert_array_equal(read.estimates.transform[:4], np.tile(np.eye(4), (4, 1, 1)))
    assert any("4 of 5 detections have no estimate" in note for note in read.info.assumptions)


def test_p1_leaves_out_other_classes_and_says_so(known: Any, true: Any, write: Any) -> None:
    content = columns(known, true)
    content["pred_class_ids"] = np.array([0, 1, 7, 2, 3])
    read = read_foreign(write("results_test_scene_1_0000.pkl", content))
    assert read.detections.category.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(read.detections.bbox, known.bbox[[1, 3, 4]])
    assert any("other than 1 to 6" in note for note in read.info.assumptions)


def test_gts_of_camera_are_ground_truth_without_detections(
    known: Any, true: Any, write: Any, assert_poses: Callable[..., None]
) -> None:
    content = {k: v for k, v in columns(known, true).items() if k.startswith("gt")}
    content["handle_visibility"] = content.pop("gt_handle_visibility")
    read = read_foreign(write("results_val_00000_0007.pkl", content))
    assert_poses(read.ground_truth, true)
    assert read.frames.id.tolist() == ["CAMERA/val/00000/0007"]
    assert read.ground_truth.handle_visible.tolist() == [0, 1, 0, 1]
    assert len(read.detections) == 0


def test_gts_of_real_give_poses_to_a_result_that_names_the_classes(
    known: Any, true: Any, write: Any, assert_poses: Callable[..., None]
) -> None:
    content = columns(known, true)
    better = {"gt_RTs": content["gt_RTs"].copy(), "handle_visibility": np.zeros(4, int)}
    content["gt_RTs"][:, :3, 3] += 1.0
    result = write("results_test_scene_1_0000.pkl", content)
    gts = write("gts/results_real_test_scene_1_0000.pkl", better)
    read = read_foreign(result, options=ImportOptions(ground_truth=gts))
    assert_poses(read.ground_truth, true)
    np.testing.assert_array_equal(read.ground_truth.category, true.category)
    assert not read.ground_truth.handle_visible.any()


@pytest.mark.parametrize("frames", [1, 3])
def test_p2_list_with_an_empty_frame(
    known: Any, true: Any, write: Any, assert_poses: Callable[..., None], frames: int
) -> None:
    empty = {
        "pred_class_ids": np.zeros(0),
        "pred_bboxes": np.zeros(0),
        "pred_scores": np.zeros(0),
        "pred_RTs": np.zeros((0, 4, 4)),
        "pred_scales": np.zeros((0, 4, 4)),
    }
    full = columns(known, true, unit=True) | {"image_path": "data/Real/test/scene_2/0000"}
    rest = {k: v for k, v in full.items() if k.startswith("gt")} | empty
    content = [full] + [
        rest | {"image_path": f"data/Real/test/scene_2/{number:04d}"} for number in range(1, frames)
    ]
    read = read_foreign(write("pred_result.pkl", content))
    assert len(read.frames) == frames
    assert len(read.ground_truth) == 4 * frames
    assert read.frames.number.tolist() == list(range(frames))
    assert_poses(read.estimates, known)


def cass_columns(known: Any, true: Any) -> dict[str, Any]:
    """Write CASS's JSON: its own poses in a camera frame with x left and y up."""

    def turn(transform: np.ndarray) -> list[Any]:
        turned = transform.copy()
        turned[:, :3] *= Z180[:, None]
        return turned.tolist()

    nocs = {k: np.asarray(v).tolist() for k, v in columns(known, true).items()}
    return nocs | {
        "image_path": "real_test/scene_4/0009",
        "pred_scales": (known.similarity()[1] * 2).tolist(),
        "pred_RTs_cass": turn(known.transform()),
        "pred_scales_cass": known.size.tolist(),
        "gt_RTs_for_CASS": turn(true.transform()),
        "model_information": [
            {"cls_id": str(category), "model_path": "x.obj", "gt_scales_for_CASS": size.tolist()}
            for category, size in zip(true.category, true.size, strict=True)
        ],
    }


def test_p3_own_poses_and_those_of_nocs(
    known: Any, true: Any, tmp_path: Path, assert_poses: Callable[..., None]
) -> None:
    path = tmp_path / "000001.json"
    path.write_text(json.dumps(cass_columns(known, true)))
    read = read_foreign(path)
    assert_poses(read.estimates, known)
    assert_poses(read.ground_truth, true)
    np.testing.assert_array_equal(read.ground_truth.category, true.category)
    assert read.frames.id.tolist() == ["Real/test/scene_4/0009"]
    nocs = read_foreign(path, options=ImportOptions(poses="nocs"))
    transform, extents = known.similarity()
    np.testing.assert_array_equal(nocs.estimates.transform, transform)
    np.testing.assert_array_equal(nocs.estimates.extents, 2 * extents)


def test_p3_identity_is_no_estimate(known: Any, true: Any, tmp_path: Path) -> None:
    content = cass_columns(known, true)
    content["pred_RTs_cass"][2] = np.eye(4).tolist()
    path = tmp_path / "1.json"
    path.write_text(json.dumps(content))
    assert read_foreign(path).estimates.estimated.tolist() == [1, 1, 0, 1, 1]


def genpose_columns(known: Any, true: Any, *, count: int = 4) -> dict[str, Any]:
    """Write GenPose's columns: placeholders, and `count` times the same hypothesis."""
    rows = len(known.category)
    energy = np.sort(np.random.default_rng(0).normal(size=(rows, count, 2)), axis=1)[:, ::-1]
    return columns(known, true) | {
        "pred_RTs": np.tile(np.eye(4), (rows, 1, 1)),
        "pred_scales": np.ones((rows, 3)),
        "multi_hypothesis_pred_RTs": np.repeat(known.transform()[:, None], count, axis=1),
        "energy": energy.astype(np.float32).astype(float),
    }


def genpose_file(result: dict[str, Any], **others: Any) -> dict[str, Any]:
    """Wrap columns as GenPose does."""
    entry = {"valid_pts": [], "valid_rgb": None, "cat_id": [], "valid_inst": []}
    return {"data/Real/test/scene_1/0000": entry | {"result": result} | others}


def test_p4_averages_hypotheses_where_estimates_are_placeholders(
    known: Any, true: Any, write: Any, assert_poses: Callable[..., None]
) -> None:
    read = read_foreign(
        write("results_with_energy.pkl", genpose_file(genpose_columns(known, true)))
    )
    assert_poses(read.estimates, known, sized=False)
    assert np.isnan(read.estimates.extents).all()
    assert read.estimates.estimated.all()
    assert not read.info.draw_order
    assert read.energies is not None
    assert any("best 60%" in note for note in read.info.assumptions)


def test_p4_without_energies_ranks_nothing(known: Any, true: Any, write: Any) -> None:
    content = genpose_columns(known, true)
    content["energy"] *= 0
    read = read_foreign(write("results_wo_energy.pkl", genpose_file(content)))
    assert read.energies is None
    assert read.info.draw_order


def test_p4_detection_without_depth_stays(known: Any, true: Any, write: Any) -> None:
    content = genpose_columns(known, true)
    content["multi_hypothesis_pred_RTs"][1] = np.eye(4)
    content["energy"][1] = 0
    read = read_foreign(write("results.pkl", genpose_file(content)))
    assert read.estimates.estimated.tolist() == [1, 0, 1, 1, 1]
    np.testing.assert_array_equal(read.estimates.transform[1], np.eye(4))


def test_imports_survive_the_predictions_file(
    known: Any, true: Any, write: Any, tmp_path: Path
) -> None:
    read = read_foreign(write("results.pkl", genpose_file(genpose_columns(known, true))))
    write_predictions(tmp_path / "predictions.h5", read)
    again = read_predictions(tmp_path / "predictions.h5")
    assert again.info == read.info
    np.testing.assert_array_equal(again.estimates.transform, read.estimates.transform)
    np.testing.assert_array_equal(again.hypotheses, read.hypotheses)
