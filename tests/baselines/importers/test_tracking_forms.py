"""P5 to P9: a known pose written in each form comes back as itself."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco
from scipy.spatial.transform import Rotation

from baselines.importers import ImportOptions, read_foreign
from benchmark.errors import ConfigError, DataFormatError
from benchmark.predictions import write_predictions


def captra_track(known: Any, rows: slice) -> dict[str, Any]:
    """Write CAPTRA's poses: y up and z towards the viewer, scale apart, box in NOCS units."""
    _, extents = known.similarity()
    scale = np.linalg.norm(known.size, axis=1)
    poses, corners = [], []
    for row in range(len(scale))[rows]:
        x, y, z = known.translation[row]
        first, second, third = known.rotation[row]
        poses.append(
            {
                "rotation": np.array([[first, -second, -third]]),
                "translation": np.array([[[x], [-y], [-z]]]),
                "scale": np.array([scale[row]]),
            }
        )
        corners.append(np.array([[-extents[row] / 2, extents[row] / 2]]))
    return {"poses": poses, "corners": corners}


def test_p5_sequences_of_several_instances_share_frames(
    known: Any, true: Any, write: Any, assert_poses: Callable[..., None]
) -> None:
    first = {"pred": captra_track(known, slice(0, 2)), "gt": captra_track(true, slice(0, 2))}
    second = {"pred": captra_track(known, slice(2, 4)), "gt": captra_track(true, slice(2, 4))}
    write("runs/mug_rot/results/data/mug_daniel_norm_scene_5.pkl", first | {"frame_nums": [3, 4]})
    write("runs/can_rot/results/data/can_milk_norm_5.pkl", second | {"frame_nums": [["3"], ["4"]]})
    read = read_foreign(write("runs/log.txt", "nothing of interest").parent)
    assert read.info.configuration["form"] == "p5"
    assert read.frames.id.tolist() == ["Real/test/scene_5/0003", "Real/test/scene_5/0004"]
    order = np.argsort(read.detections.category == 4, kind="stable")  # mugs, then cans
    assert read.detections.category[order].tolist() == [6, 6, 4, 4]
    for table, expected in ((read.estimates, known), (read.ground_truth, true)):
        part = type(expected)(*[value[:4] for value in vars(expected).values()])
        assert_poses(table.take(order), part)
    assert set(read.ground_truth.instance) == {"mug_daniel_norm", "can_milk_norm"}


def test_p5_stand_in_boxes_surround_the_projected_object(known: Any, write: Any) -> None:
    track = captra_track(known, slice(0, 1))
    read = read_foreign(write("camera_x_norm_scene_1.pkl", {"pred": track, "gt": track}))
    y1, x1, y2, x2 = read.detections.bbox[0]
    x, y, z = known.translation[0]
    assert x1 < 591.0125 * x / z + 322.525 < x2
    assert y1 < 590.16775 * y / z + 244.11084 < y2
    np.testing.assert_array_equal(read.detections.bbox, read.ground_truth.bbox)


def catre_object(known: Any, row: int, step: int | str) -> dict[str, Any]:
    """Write one pose of CATRE: 3x4 with a unit rotation, and a metric size."""
    pose = known.transform()[row, :3]
    return {f"pose_{step}": pose.tolist(), f"scale_{step}": known.size[row].tolist()}


def test_p6_pickle_of_steps(
    known: Any, true: Any, write: Any, assert_poses: Callable[..., None]
) -> None:
    def step(poses: Any) -> dict[str, Any]:
        return {
            "scene_2/0031": {
                "pred_RTs": poses.transform(),
                "pred_scales": poses.size,
                "pred_class_ids": poses.category,
                "pred_scores": poses.confidence,
                "pred_bboxes": poses.bbox,
            }
        }

    path = write(
        "catre_nocs_preds.pkl", {"iter10": step(known), "iter2": step(true), "iter0": step(true)}
    )
    assert_poses(read_foreign(path).estimates, known)
    assert_poses(read_foreign(path, options=ImportOptions(iteration=0)).estimates, true)
    with pytest.raises(ConfigError, match="iteration 3"):
        read_foreign(path, options=ImportOptions(iteration=3))


def test_p6_pickle_of_objects(known: Any, true: Any, write: Any, assert_poses: Any) -> None:
    objects = [
        {"obj_id": int(known.category[row]), "score": 0.5, "bbox_det_xyxy": [10, 20, 30, 40]}
        | catre_object(true, row % 4, 0)
        | catre_object(known, row, 4)
        for row in range(5)
    ]
    read = read_foreign(write("results.pkl", {"scene_1/0000": objects, "scene_1/0001": []}))
    assert_poses(read.estimates, known)
    assert read.detections.bbox[0].tolist() == [20, 10, 40, 30]
    assert read.frames.id.tolist() == ["Real/test/scene_1/0000", "Real/test/scene_1/0001"]


@pytest.mark.parametrize("compressed", [True, False])
def test_p6_initial_poses_take_the_box_of_the_mask(
    known: Any, tmp_path: Path, assert_poses: Any, compressed: bool
) -> None:
    mask = np.zeros((480, 640), np.uint8, order="F")
    mask[100:150, 200:300] = 1
    runs = [int(n) for n in np.diff(np.flatnonzero(np.diff(mask.ravel("F"), prepend=2)))]
    packed = {"size": [480, 640], "counts": coco.encode(mask)["counts"].decode()}
    plain = {"size": [480, 640], "counts": [*runs, 480 * 640 - sum(runs)]}
    objects = [
        {"obj_id": int(known.category[row]), "segmentation": packed if compressed else plain}
        | catre_object(known, row, "est")
        for row in range(5)
    ]
    path = tmp_path / "init_pose_spd_nocs_real.json"
    path.write_text(json.dumps({"scene_6/0123": objects}))
    read = read_foreign(path)
    assert_poses(read.estimates, known)
    assert read.detections.bbox.tolist() == [[100, 200, 150, 300]] * 5


def six_pack_text(known: Any, row: int) -> str:
    """Write 6-PACK's lines: x left, y up, millimetres."""
    (a, b, c), (x, y, z) = known.rotation[row], 1000 * known.translation[row]
    rows = [-a, -b, c, [-x, -y, z]]
    return "\n".join(" ".join(repr(float(n)) for n in values) for values in rows) + "\n0.001\n"


def six_pack_folder(known: Any, write: Any, start: int, count: int) -> Path:
    """Write `count` files that count from `start`, as after another scene in 6-PACK's list."""
    for row in range(count):
        name = f"bottle_red_norm_scene_4_{start + row}_pose.txt"
        path = write(f"TEST_1/temp_1/{name}", six_pack_text(known, row))
    return Path(path).parents[1]


def test_p7_text(known: Any, write: Any, assert_poses: Any) -> None:
    read = read_foreign(six_pack_folder(known, write, 0, 5))
    assert_poses(read.estimates, known, tolerance=1e-9, sized=False)
    assert np.isnan(read.estimates.extents).all()
    assert read.detections.category.tolist() == [1] * 5
    assert not read.info.has_ground_truth


def test_p7_counts_become_frame_numbers_and_objects_get_their_size(
    known: Any, true: Any, write: Any, tmp_path: Path
) -> None:
    """The instance is annotated in frames 10, 20 and 40 of 10, 20, 30, 40."""
    track = captra_track(true, slice(0, 3))
    write(
        "gt/bottle_red_norm_scene_4.pkl", {"pred": track, "gt": track, "frame_nums": [10, 20, 40]}
    )
    other = captra_track(true, slice(0, 4))
    numbers = {"frame_nums": [10, 20, 30, 40]}
    write("gt/bowl_x_norm_scene_4.pkl", {"pred": other, "gt": other} | numbers)
    write_predictions(tmp_path / "gt.h5", read_foreign(tmp_path / "gt"))
    folder = six_pack_folder(known, write, 700, 3)
    read = read_foreign(folder, options=ImportOptions(ground_truth=tmp_path / "gt.h5"))
    numbers_found = read.frames.number[read.detections.frame]
    assert numbers_found.tolist() == [10, 20, 40]
    np.testing.assert_allclose(read.estimates.extents, true.size[:3], rtol=1e-12)
    assert len(read.ground_truth) == 7
    assert read.info.has_ground_truth
    with pytest.raises(DataFormatError, match="is in 3 frames of scene_4"):
        read_foreign(
            six_pack_folder(known, write, 700, 4),
            options=ImportOptions(ground_truth=tmp_path / "gt.h5"),
        )


def icaps_text(known: Any, rows: int) -> str:
    """Write iCaps's lines: quaternion with w first, one number for the size."""
    lines = []
    for row in range(rows):
        x, y, z, w = Rotation.from_matrix(known.rotation[row]).as_quat()
        numbers = [*known.translation[row], w, x, y, z, np.linalg.norm(known.size[row]), 1.84]
        lines.append(" ".join(["mug", f"{row:04d}_color.png", *(repr(float(n)) for n in numbers)]))
    return "\n".join(lines) + "\n"


def test_p8_text_with_its_ground_truth(
    known: Any, true: Any, write: Any, assert_poses: Any
) -> None:
    write("results/exp/mug/seq_1/Pose_mug_seq1.txt", icaps_text(known, 4))
    path = write("results/exp/mug/seq_1/Pose_GT_mug_seq1.txt", icaps_text(true, 4))
    read = read_foreign(path.parents[3])
    part = type(known)(*[value[:4] for value in vars(known).values()])
    assert_poses(read.estimates, part, tolerance=1e-9, sized=False)
    assert_poses(read.ground_truth, true, tolerance=1e-9, sized=False)
    assert read.frames.id.tolist() == [f"Real/test/scene_1/{row:04d}" for row in range(4)]
    scale = np.cbrt(np.linalg.det(read.estimates.transform[:, :3, :3]))
    np.testing.assert_allclose(scale, np.linalg.norm(part.size, axis=1), rtol=1e-9)


def mask_forms(known: Any, true: Any) -> dict[str, dict[str, Any]]:
    """Write the three forms of detections."""
    masks = np.zeros((480, 640, 5), bool)
    boxes = known.bbox.astype(np.int32)
    transform, _ = true.similarity()
    return {
        "SPD": {
            "class_ids": known.category,
            "rois": boxes,
            "masks": masks,
            "scores": known.confidence,
        },
        "DualPoseNet": {
            "pred_class_ids": known.category,
            "pred_bboxes": boxes,
            "pred_masks": masks,
            "pred_scores": known.confidence,
            "gt_class_ids": true.category,
            "gt_RTs": transform,
            "gt_scales": true.similarity()[1],
            "gt_bboxes": true.bbox,
        },
        "tracking": {
            "pred": {
                "class_ids": true.category,
                "rois": true.bbox,
                "masks": masks[..., :4],
                "seen": [1] * 4,
            },
            "gt": {
                "poses": transform,
                "handle_visibility": np.array([0, 1, 1, 1]),
                "model_list": ["a", "b", "c", "d"],
            },
        },
    }


@pytest.mark.parametrize("form", ["SPD", "DualPoseNet", "tracking"])
def test_p9_detections_are_kept_without_estimates(
    known: Any, true: Any, write: Any, assert_poses: Any, form: str
) -> None:
    path = write("results_test_scene_1_0000.pkl", mask_forms(known, true)[form])
    with pytest.raises(DataFormatError, match="detections without poses"):
        read_foreign(path)
    read = read_foreign(path, options=ImportOptions(detections_only=True))
    expected = true if form == "tracking" else known
    np.testing.assert_array_equal(read.detections.bbox, expected.bbox)
    np.testing.assert_array_equal(read.detections.category, expected.category)
    assert not read.estimates.estimated.any()
    if form != "SPD":
        assert_poses(read.ground_truth, true, sized=form == "DualPoseNet")
    if form == "tracking":
        assert read.ground_truth.instance.tolist() == ["a", "b", "c", "d"]
        assert read.ground_truth.handle_visible.tolist() == [0, 1, 1, 1]
