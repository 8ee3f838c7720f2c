"""Derived training labels are the true poses; what SPD leaves out is left out, with a reason."""

import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from benchmark.categories import CAMERA_INTRINSICS, REAL_INTRINSICS
from benchmark.errors import DataFormatError
from benchmark.geometry.alignment import Similarity
from benchmark.geometry.cameras import pack_intrinsics, project
from preprocess.frame_tables import Rejected
from preprocess.frames import PARTS, MetaInstance, NocsFrame, find_frames
from preprocess.instances import VisibleInstance, find_instances, select_usable
from preprocess.label_fitting import derive_labels, fit_to_depth, fit_to_pixels
from preprocess.labels import MUG, MugHandles, ObjectLabel, build_ground_truth, recentre
from preprocess.model_files import ModelFiles, Recentring

TRAINING = [part for part in PARTS if part.split == "train"]
BOTTLE = MetaInstance(id=1, category=1, model="bottle")


def get_frame(root: Path, part_name: str) -> NocsFrame:
    (part,) = (part for part in PARTS if part.name == part_name)
    return find_frames(root, part)[0]


def compute_errors(label: ObjectLabel, transform: np.ndarray) -> tuple[float, float, float]:
    """Return degrees, millimetres and relative scale."""
    scale = np.cbrt(np.linalg.det(transform[:3, :3]))
    turn = Rotation.from_matrix(label.pose.rotation @ transform[:3, :3].T / scale)
    shift = 1000 * np.linalg.norm(label.pose.translation - transform[:3, 3])
    return np.rad2deg(turn.magnitude()), float(shift), float(abs(label.pose.scale / scale - 1))


@pytest.mark.parametrize("part", TRAINING, ids=lambda part: part.name)
def test_derived_poses_are_the_true_ones(nocs_tree: Any, part: Any) -> None:
    models, handles = ModelFiles(nocs_tree.root), MugHandles(nocs_tree.root)
    for frame in find_frames(nocs_tree.root, part):
        labelled = derive_labels(frame, models, handles, recentre_mugs=False)
        assert labelled.left_out == []
        for label, item in zip(labelled.labels, nocs_tree.objects[frame.id], strict=True):
            degrees, millimetres, scale = compute_errors(label, item.transform)
            assert degrees < 0.3
            assert millimetres < 1
            assert scale < 0.003
            size = np.linalg.norm(item.extents) * label.extents
            np.testing.assert_allclose(size, item.extents, rtol=1e-5)


@pytest.mark.parametrize("part", TRAINING, ids=lambda part: part.name)
def test_wrong_pixels_do_not_move_the_pose(nocs_tree: Any, part: Any) -> None:
    frame = find_frames(nocs_tree.root, part)[0]
    path = str(frame.get_path("coord.png"))
    coordinates = cv2.imread(path, cv2.IMREAD_UNCHANGED)
    rng = np.random.default_rng(0)
    wrong = rng.random(coordinates.shape[:2]) < 0.2
    coordinates[wrong] = rng.integers(0, 256, (wrong.sum(), 3))
    cv2.imwrite(path, coordinates)
    labelled = derive_labels(
        frame, ModelFiles(nocs_tree.root), MugHandles(nocs_tree.root), recentre_mugs=False
    )
    for label, item in zip(labelled.labels, nocs_tree.objects[frame.id], strict=True):
        degrees, millimetres, _ = compute_errors(label, item.transform)
        assert degrees < 0.6
        assert millimetres < 3


def test_coordinates_without_any_pose_leave_the_object_out(nocs_tree: Any) -> None:
    for part in TRAINING:
        frame = find_frames(nocs_tree.root, part)[0]
        image = np.full((480, 640, 3), 77, np.uint8)
        cv2.imwrite(str(frame.get_path("coord.png")), image)
        labelled = derive_labels(frame, ModelFiles(nocs_tree.root), MugHandles(nocs_tree.root))
        assert labelled.labels == []
        assert {row[2] for row in labelled.left_out} == {"no_label"}
        assert [row[1] for row in labelled.left_out] == [1, 2, 3]


def test_labels_do_not_depend_on_what_was_read_before(nocs_tree: Any) -> None:
    handles = MugHandles(nocs_tree.root)
    frames = find_frames(nocs_tree.root, TRAINING[0])
    models = ModelFiles(nocs_tree.root)
    forwards = [derive_labels(frame, models, handles) for frame in frames]
    backwards = [
        derive_labels(frame, ModelFiles(nocs_tree.root), handles) for frame in frames[::-1]
    ]
    for one, other in zip(forwards, backwards[::-1], strict=True):
        np.testing.assert_array_equal(
            build_ground_truth(one.labels).transform, build_ground_truth(other.labels).transform
        )


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("depth.png", "unreadable_depth"),
        ("mask.png", "unreadable_mask"),
        ("meta.txt", "unreadable_meta"),
        ("coord.png", "unreadable_coordinates"),
    ],
)
def test_missing_files_reject_the_frame(nocs_tree: Any, kind: str, reason: str) -> None:
    frame = get_frame(nocs_tree.root, "Real/train")
    frame.get_path(kind).unlink()
    with pytest.raises(Rejected, match=kind.replace(".", r"\.")) as rejected:
        derive_labels(frame, ModelFiles(nocs_tree.root), MugHandles(nocs_tree.root))
    assert rejected.value.reason == reason


def test_images_of_different_sizes_reject_the_frame(nocs_tree: Any) -> None:
    frame = get_frame(nocs_tree.root, "Real/train")
    cv2.imwrite(str(frame.get_path("mask.png")), np.ones((240, 320), np.uint8))
    with pytest.raises(Rejected) as rejected:
        derive_labels(frame, ModelFiles(nocs_tree.root), MugHandles(nocs_tree.root))
    assert rejected.value.reason == "size_mismatch"


def test_instances_come_by_id_with_their_own_pixels() -> None:
    mask = np.full((100, 120), 255, np.uint8)
    mask[10:30, 20:60], mask[50:52, 5:9], mask[0, 0] = 4, 2, 9
    meta = [
        MetaInstance(id=4, category=6, model="mug"),
        MetaInstance(id=2, category=1, model="bottle"),
        MetaInstance(id=9, category=0, model="distractor"),
        MetaInstance(id=7, category=3, model="not in the mask"),
    ]
    first, second = find_instances(mask, meta)
    assert (first.meta.id, second.meta.id) == (2, 4)
    assert second.bbox.tolist() == [10, 20, 30, 60]
    assert second.visible_pixels == 800
    for instance in (first, second):
        rows, cols = np.nonzero(mask == instance.meta.id)
        np.testing.assert_array_equal(instance.find_pixels(), np.stack([cols, rows], axis=1))


@pytest.mark.parametrize(
    ("rows", "cols", "reason"),
    [(441, 10, "rendering_error"), (10, 601, "rendering_error"), (0, 0, "no_foreground")],
)
def test_frames_without_a_usable_rendering_are_rejected(rows: int, cols: int, reason: str) -> None:
    mask = np.full((480, 640), 255, np.uint8)
    mask[:rows, :cols] = 1
    with pytest.raises(Rejected) as rejected:
        find_instances(mask, [BOTTLE])
    assert rejected.value.reason == reason


def test_the_largest_boxes_that_pass() -> None:
    mask = np.full((480, 640), 255, np.uint8)
    mask[:440, :600] = 1
    assert len(find_instances(mask, [BOTTLE])) == 1


@pytest.mark.parametrize(
    ("valid", "deepest", "model", "reason"),
    [
        (64, 1000, "bottle", None),
        (63, 1000, "bottle", "too_few_pixels"),
        (0, 0, "bottle", "too_few_pixels"),
        (100, 32_001, "bottle", "broken_depth"),
        (100, 1000, "b9be7cfe653740eb7633a2dd89cec754", "known_bad_model"),
    ],
)
def test_rules_for_leaving_an_object_out(
    valid: int, deepest: int, model: str, reason: str | None
) -> None:
    depth = np.zeros((20, 20), np.uint16)
    depth.flat[:valid] = 800
    depth.flat[: min(valid, 1)] = deepest
    meta = MetaInstance(id=3, category=1, model=model)
    everywhere = np.ones(depth.shape, bool)
    instance = VisibleInstance(meta=meta, bbox=np.array([0, 0, 20, 20]), mask=everywhere)
    usable, left_out = select_usable("frame", [instance], depth)
    assert len(usable) == (reason is None)
    assert [row[:3] for row in left_out] == ([] if reason is None else [("frame", 3, reason)])


def draw_pixels(intrinsics: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, Similarity]:
    rng = np.random.default_rng(0)
    nocs = rng.uniform(-0.4, 0.4, (3000, 3))
    rotation = Rotation.random(random_state=1).as_matrix()
    pose = Similarity(np.array(0.3), rotation, np.array([0.1, -0.1, 0.9]))
    points = pose.apply(nocs)
    return nocs, project(points, pack_intrinsics(intrinsics)), 1000 * points[:, 2], pose


def test_exact_pixels_give_the_exact_pose() -> None:
    nocs, pixels, depth_mm, pose = draw_pixels(CAMERA_INTRINSICS)
    depth_mm[::3] = 0
    fit = fit_to_depth(nocs, pixels, depth_mm, CAMERA_INTRINSICS, np.random.default_rng(0))
    assert fit is not None
    np.testing.assert_allclose(fit.to_matrix(), pose.to_matrix(), atol=1e-9)
    nocs, pixels, _, pose = draw_pixels(REAL_INTRINSICS)
    fit = fit_to_pixels(nocs, pixels, 0.3, REAL_INTRINSICS)
    assert fit is not None
    np.testing.assert_allclose(fit.to_matrix(), pose.to_matrix(), atol=1e-6)


def test_recentring_moves_the_frame_and_not_the_object() -> None:
    rng = np.random.default_rng(3)
    extents = np.array([0.7, 0.5, 0.51])
    extents /= np.linalg.norm(extents)
    recentring = Recentring(shift=np.array([-0.1, 0.0, 0.0]), scale=0.9)
    pose = Similarity(
        np.array(0.2), Rotation.random(random_state=1).as_matrix(), rng.normal(size=3)
    )
    label = ObjectLabel(
        instance=VisibleInstance(meta=BOTTLE, bbox=np.zeros(4), mask=np.zeros((0, 0), bool)),
        pose=pose,
        extents=extents,
    )
    moved = recentre(label, recentring)
    corners = np.stack(np.meshgrid(*[[-0.5, 0.5]] * 3), axis=-1).reshape(-1, 3) * extents
    about_new_origin = recentring.scale * (corners + recentring.shift)
    np.testing.assert_allclose(moved.pose.apply(about_new_origin), pose.apply(corners))
    np.testing.assert_allclose(moved.extents, 2 * np.abs(about_new_origin).max(axis=0))


def test_only_mugs_are_recentred(nocs_tree: Any) -> None:
    frame = get_frame(nocs_tree.root, "Real/train")
    models, handles = ModelFiles(nocs_tree.root), MugHandles(nocs_tree.root)
    plain, moved = (
        derive_labels(frame, models, handles, recentre_mugs=choice).labels
        for choice in (False, True)
    )
    for before, after in zip(plain, moved, strict=True):
        is_mug = before.instance.meta.category == MUG
        assert np.array_equal(before.pose.translation, after.pose.translation) == (not is_mug)


def test_handles_are_looked_up_by_scene_and_frame(tmp_path: Path) -> None:
    path = tmp_path / "Real" / "train" / "mug_handle.pkl"
    path.parent.mkdir(parents=True)
    content = {
        "scene_1": ["0000", "0001"],
        "scene_1_res": [1, 0],
        "scene_2": [5],
        "scene_2_res": [0],
    }
    path.write_bytes(pickle.dumps(content))
    handles = MugHandles(tmp_path)
    real_train, camera = PARTS[2], PARTS[0]

    def is_visible(part: Any, scene: str, stem: str) -> bool:
        return handles.is_visible(
            NocsFrame(root=tmp_path, part=part, scene=scene, stem=stem, folder=tmp_path)
        )

    assert handles.is_known
    assert is_visible(real_train, "scene_1", "0000")
    assert not is_visible(real_train, "scene_1", "0001")
    assert not is_visible(real_train, "scene_2", "0005")
    assert is_visible(real_train, "scene_3", "0000")
    assert is_visible(camera, "scene_1", "0001")


def test_without_the_file_every_handle_is_visible(nocs_tree: Any) -> None:
    handles = MugHandles(nocs_tree.root)
    assert not handles.is_known
    assert handles.is_visible(get_frame(nocs_tree.root, "Real/train"))


@pytest.mark.parametrize("content", [[1], {1: 2}, {"scene_1": [0]}, {"a": [0], "a_res": [0, 1]}])
def test_handle_files_of_another_form_are_refused(tmp_path: Path, content: Any) -> None:
    (tmp_path / "mug_handle.pkl").write_bytes(pickle.dumps(content))
    part = PARTS[2]
    frame = NocsFrame(root=tmp_path, part=part, scene="scene_1", stem="0000", folder=tmp_path)
    with pytest.raises(DataFormatError, match=r"mug_handle\.pkl"):
        MugHandles(tmp_path).is_visible(frame)
