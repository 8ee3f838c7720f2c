"""Finding frames in both layouts, and what their metadata may say."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.categories import CAMERA_INTRINSICS, REAL_INTRINSICS
from benchmark.errors import DataFormatError
from preprocess.frames import (
    PARTS,
    MetaInstance,
    find_frames,
    find_parts,
    mark_background,
    read_frame_list,
    read_meta,
)

CAMERA_TRAIN, CAMERA_VAL, REAL_TRAIN, REAL_TEST = PARTS


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_both_layouts_give_the_same_ids(tmp_path: Path, part) -> None:  # type: ignore[no-untyped-def]
    ids = []
    for root, folder in ((tmp_path / "a", part.name), (tmp_path / "b", part.download)):
        touch(root, f"{folder}/scene_1/0000_depth.png", f"{folder}/scene_1/0002_mask.png")
        ids.append([frame.id for frame in find_frames(root, part)])
    assert ids[0] == ids[1] == [f"{part.name}/scene_1/0000", f"{part.name}/scene_1/0002"]


def test_intrinsics_are_those_of_the_half() -> None:
    assert {part.name: part.intrinsics for part in PARTS} == {
        "CAMERA/train": CAMERA_INTRINSICS,
        "CAMERA/val": CAMERA_INTRINSICS,
        "Real/train": REAL_INTRINSICS,
        "Real/test": REAL_INTRINSICS,
    }


def test_any_file_makes_a_frame_and_other_files_make_none(tmp_path: Path) -> None:
    kinds = ("color.png", "coord.png", "depth.png", "mask.png", "meta.txt")
    touch(tmp_path, *(f"Real/test/scene_1/{i:04d}_{kind}" for i, kind in enumerate(kinds)))
    touch(
        tmp_path,
        *("Real/test/scene_1/0009_label.pkl", "Real/test/scene_1/notes.txt"),
        *("Real/test/scene_1/x_depth.png", "Real/test/.hidden/0000_depth.png"),
        *("Real/test/0000_depth.png", "Real/test_list.txt"),
    )
    assert [frame.number for frame in find_frames(tmp_path, REAL_TEST)] == [0, 1, 2, 3, 4]


def test_scenes_and_frames_are_in_numerical_order(tmp_path: Path) -> None:
    scenes = ("scene_10", "scene_2", "scene_1")
    touch(tmp_path, *(f"Real/train/{name}/{i}_depth.png" for name in scenes for i in (10, 9)))
    ids = [frame.id.removeprefix("Real/train/") for frame in find_frames(tmp_path, REAL_TRAIN)]
    expected = [f"scene_{scene}/{number}" for scene in (1, 2, 10) for number in (9, 10)]
    assert ids == expected


def test_paths_of_a_frame(tmp_path: Path) -> None:
    touch(tmp_path, "val/00012/0003_depth.png")
    (frame,) = find_frames(tmp_path, CAMERA_VAL)
    assert frame.get_path("depth.png") == tmp_path / "val/00012/0003_depth.png"
    assert frame.full_depth == tmp_path / "camera_full_depths/val/00012/0003_composed.png"
    assert (frame.scene, frame.number) == ("00012", 3)


def test_what_is_no_tree_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataFormatError, match="no such folder"):
        find_parts(tmp_path / "none")
    with pytest.raises(DataFormatError, match="not a NOCS tree"):
        find_parts(tmp_path)
    (tmp_path / "CAMERA" / "val").mkdir(parents=True)
    assert list(find_parts(tmp_path)) == ["CAMERA/val"]
    assert find_frames(tmp_path, CAMERA_TRAIN) == []


def test_frame_list(tmp_path: Path) -> None:
    path = tmp_path / "CAMERA" / "val_list.txt"
    path.parent.mkdir()
    path.write_text("val/00000/0001\n\nval/00003/0000\n")
    assert read_frame_list(path) == ["CAMERA/val/00000/0001", "CAMERA/val/00003/0000"]


@pytest.mark.reliability
@pytest.mark.parametrize(
    "line", ["../../etc/passwd", "/etc/passwd", "val/../../x", "val/0", "val/00000/..", "a b/c/d"]
)
def test_lists_cannot_lead_outside(tmp_path: Path, line: str) -> None:
    path = tmp_path / "list.txt"
    path.write_text(f"val/00000/0000\n{line}\n")
    with pytest.raises(DataFormatError, match="line 2"):
        read_frame_list(path)


def test_meta_of_camera_and_of_real(tmp_path: Path) -> None:
    path = tmp_path / "0000_meta.txt"
    path.write_text("1 6 03797390 b9be7cfe\n3 0 02818832 d1.npz \n\n")
    assert read_meta(path) == [
        MetaInstance(id=1, category=6, model="b9be7cfe", synset="03797390"),
        MetaInstance(id=3, category=0, model="d1", synset="02818832"),
    ]
    path.write_text("2 6 mug_white_green_norm.npz\n")
    assert read_meta(path) == [MetaInstance(id=2, category=6, model="mug_white_green_norm")]


@pytest.mark.parametrize(
    "text",
    [
        "1 6\n",
        "1 6 a b c\n",
        "x 6 mug\n",
        "1 7 mug\n",
        "1 -1 mug\n",
        "255 6 mug\n",
        "256 6 mug\n",
        "1 6 ../../../etc/passwd\n",
        "1 6 /etc/passwd\n",
        "1 6 .. mug\n",
        "1 6 mug\n1 5 laptop\n",
        "\u0661 6 mug/\n",
        "1" * 5000 + " 6 mug\n",
    ],
)
def test_metas_of_another_form_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "0000_meta.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataFormatError, match=r"0000_meta\.txt"):
        read_meta(path)


def test_meta_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "0000_meta.txt"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(DataFormatError, match="not a text file"):
        read_meta(path)


def test_background_is_255_or_else_an_unlisted_0() -> None:
    mask = np.array([[0, 1], [2, 0]], np.uint8)
    np.testing.assert_array_equal(mark_background(mask, {1, 2}), [[255, 1], [2, 255]])
    np.testing.assert_array_equal(mark_background(mask, {0, 1, 2}), mask)
    with_255 = np.array([[0, 1], [255, 0]], np.uint8)
    np.testing.assert_array_equal(mark_background(with_255, {1}), with_255)
