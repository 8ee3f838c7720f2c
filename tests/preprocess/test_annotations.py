"""Ground truth from `gts` and from `_label.pkl`, on a tree whose objects are known."""

import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from benchmark.errors import DataFormatError
from preprocess.annotations import (
    get_annotation_path,
    read_annotation,
    read_labelled_frame,
    read_spd_label,
)
from preprocess.frame_tables import Rejected
from preprocess.frames import PARTS, NocsFrame, find_frames
from preprocess.labels import MUG, build_ground_truth
from preprocess.model_files import ModelFiles

EVALUATION = [part for part in PARTS if part.split != "train"]


def get_frame(root: Path, part_name: str = "Real/test") -> NocsFrame:
    (part,) = (part for part in PARTS if part.name == part_name)
    return find_frames(root, part)[0]


def change_annotation(frame: NocsFrame, **changes: Any) -> Path:
    path = get_annotation_path(frame)
    content = pickle.loads(path.read_bytes()) | changes  # noqa: S301 - written by the fixture
    path.write_bytes(pickle.dumps({k: v for k, v in content.items() if v is not None}))
    return path


@pytest.mark.parametrize("part", EVALUATION, ids=lambda part: part.name)
def test_rows_are_those_of_the_objects(nocs_tree: Any, part: Any) -> None:
    for frame in find_frames(nocs_tree.root, part):
        labelled = read_labelled_frame(frame, ModelFiles(nocs_tree.root), recentre_mugs=False)
        truth, objects = build_ground_truth(labelled.labels), nocs_tree.objects[frame.id]
        assert labelled.left_out == []
        assert truth.instance.tolist() == [item.name for item in objects]
        np.testing.assert_array_equal(truth.category, [item.category for item in objects])
        np.testing.assert_allclose(truth.transform, [item.transform for item in objects], atol=1e-6)
        sizes = truth.extents * np.linalg.norm([item.extents for item in objects], axis=1)[:, None]
        np.testing.assert_allclose(sizes, [item.extents for item in objects], atol=1e-6)
        np.testing.assert_array_equal(truth.handle_visible, 1)
        for row, item in enumerate(objects):
            own = labelled.images.mask == item.id
            assert truth.visible_pixels[row] == own.sum()
            y1, x1, y2, x2 = truth.bbox[row]
            assert own[y1:y2, x1:x2].sum() == own.sum()
            assert own[y1].any()
            assert own[y2 - 1].any()
            assert own[:, x1].any()
            assert own[:, x2 - 1].any()


def test_rows_follow_the_mask_whatever_the_order_of_the_meta(nocs_tree: Any) -> None:
    frame = get_frame(nocs_tree.root)
    path = frame.get_path("meta.txt")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*reversed(lines), "7 0 distractor", "8 5 laptop_unseen"]))
    labelled = read_labelled_frame(frame, ModelFiles(nocs_tree.root))
    names = [label.instance.meta.model for label in labelled.labels]
    assert names == [item.name for item in nocs_tree.objects[frame.id]]


@pytest.mark.parametrize("key", ["handle_visibility", "gt_handle_visibility"])
def test_only_handles_of_mugs_can_be_hidden(nocs_tree: Any, key: str) -> None:
    frame = get_frame(nocs_tree.root)
    change_annotation(frame, **{key: np.zeros(3, int)})
    labels = read_labelled_frame(frame, ModelFiles(nocs_tree.root)).labels
    assert [label.handle_visible for label in labels] == [
        label.instance.meta.category != MUG for label in labels
    ]


def test_rows_in_another_order_are_matched_by_class_and_box(nocs_tree: Any) -> None:
    frame = get_frame(nocs_tree.root, "CAMERA/val")
    expected = build_ground_truth(
        read_labelled_frame(frame, ModelFiles(nocs_tree.root)).labels
    ).transform
    content = pickle.loads(get_annotation_path(frame).read_bytes())  # noqa: S301
    order = [2, 0, 1]
    change_annotation(frame, **{name: np.asarray(value)[order] for name, value in content.items()})
    found = read_labelled_frame(frame, ModelFiles(nocs_tree.root))
    np.testing.assert_array_equal(build_ground_truth(found.labels).transform, expected)


@pytest.mark.parametrize(
    ("part_name", "changes"),
    [
        ("Real/test", {"gt_RTs": np.tile(np.eye(4), (2, 1, 1))}),
        ("CAMERA/val", {"gt_class_ids": np.array([1, 1, 1])}),
        ("CAMERA/val", {"gt_class_ids": np.array([6, 5, 1]), "gt_bboxes": np.zeros((3, 4))}),
        ("CAMERA/val", {"gt_class_ids": np.array([6, 5, 1]), "gt_bboxes": None}),
    ],
)
def test_rows_that_fit_no_object_reject_the_frame(
    nocs_tree: Any, part_name: str, changes: dict[str, Any]
) -> None:
    frame = get_frame(nocs_tree.root, part_name)
    change_annotation(frame, **changes)
    with pytest.raises(Rejected) as rejected:
        read_labelled_frame(frame, ModelFiles(nocs_tree.root))
    assert rejected.value.reason == "annotation_mismatch"


@pytest.mark.parametrize(
    "transform",
    [
        np.zeros((3, 4, 4)),
        np.tile(np.diag([1.0, 1, -1, 1]), (3, 1, 1)),
        np.tile(np.diag([1.0, 2, 1, 1]), (3, 1, 1)),
        np.full((3, 4, 4), np.nan),
        np.tile(np.eye(3), (3, 1, 1)),
        None,
    ],
)
def test_what_is_no_pose_is_refused(nocs_tree: Any, transform: np.ndarray | None) -> None:
    path = change_annotation(get_frame(nocs_tree.root), gt_RTs=transform)
    with pytest.raises(DataFormatError, match=r"results_real_test_.*\.pkl"):
        read_annotation(path)


def test_objects_without_enough_depth_are_left_out_by_name(nocs_tree: Any) -> None:
    frame = get_frame(nocs_tree.root)
    mask = cv2.imread(str(frame.get_path("mask.png")), cv2.IMREAD_UNCHANGED)
    depth = cv2.imread(str(frame.get_path("depth.png")), cv2.IMREAD_UNCHANGED)
    rows, cols = np.nonzero(mask == 2)
    depth[rows[:-63], cols[:-63]] = 0
    cv2.imwrite(str(frame.get_path("depth.png")), depth)
    labelled = read_labelled_frame(frame, ModelFiles(nocs_tree.root))
    assert [label.instance.meta.id for label in labelled.labels] == [1, 3]
    assert [row[:3] for row in labelled.left_out] == [(frame.id, 2, "too_few_pixels")]
    np.testing.assert_allclose(  # the others keep their own rows
        labelled.labels[0].pose.to_matrix(), nocs_tree.objects[frame.id][0].transform, atol=1e-6
    )


def test_spd_labels_of_training_have_no_size(tmp_path: Path) -> None:
    path = tmp_path / "0000_label.pkl"
    content = {
        "class_ids": [6, 1],
        "bboxes": np.array([[0, 1, 2, 3], [4, 5, 6, 7]], np.int32),
        "scales": np.array([0.2, 0.3], np.float32),
        "rotations": np.tile(np.eye(3, dtype=np.float32), (2, 1, 1)),
        "translations": np.array([[0, 0, 1], [1, 0, 2]], np.float32),
        "instance_ids": [4, 2],
        "model_list": ["mug", "bottle"],
    }
    path.write_bytes(pickle.dumps(content))
    truth = read_spd_label(path)
    np.testing.assert_allclose(
        truth.transform[1],
        [[0.3, 0, 0, 1], [0, 0.3, 0, 0], [0, 0, 0.3, 2], [0, 0, 0, 1]],
        rtol=1e-6,
    )
    assert np.isnan(truth.extents).all()
    assert truth.instance.tolist() == ["mug", "bottle"]
    hidden = content | {"handle_visibility": np.array([0, 0])}
    path.write_bytes(pickle.dumps(hidden))
    np.testing.assert_array_equal(read_spd_label(path).handle_visible, [0, 1])


@pytest.mark.parametrize(
    "changes",
    [
        {"class_ids": [6, 9]},
        {"scales": np.array([0.2, -0.3])},
        {"scales": np.array([0.2])},
        {"model_list": ["mug"]},
        {"rotations": np.zeros((2, 3, 3))},
        {"bboxes": None},
    ],
)
def test_spd_labels_that_contradict_themselves_are_refused(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    content = {
        "class_ids": [6, 1],
        "bboxes": np.zeros((2, 4), np.int32),
        "scales": np.array([0.2, 0.3]),
        "rotations": np.tile(np.eye(3), (2, 1, 1)),
        "translations": np.zeros((2, 3)),
        "model_list": ["mug", "bottle"],
    }
    path = tmp_path / "0000_label.pkl"
    path.write_bytes(pickle.dumps(content | changes))
    with pytest.raises(DataFormatError, match=r"0000_label\.pkl"):
        read_spd_label(path)
