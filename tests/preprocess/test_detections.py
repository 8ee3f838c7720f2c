"""Detections: three pickle forms and COCO end in the same record; contradictions are named."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.errors import DataFormatError
from benchmark.rle import encode_rle
from preprocess.coco import decode_results, read_coco
from preprocess.detections import (
    FrameDetections,
    find_detections,
    find_detections_folder,
    read_aligned_tracks,
    read_detections,
)
from preprocess.frames import PARTS, NocsFrame

SIZE = (40, 30)


def draw_columns(rows: int = 3) -> dict[str, Any]:
    rng = np.random.default_rng(rows)
    lower = rng.integers(0, 10, (rows, 2))
    return {
        "class_ids": rng.integers(1, 7, rows).astype(np.int32),
        "rois": np.concatenate([lower, lower + 15], axis=1).astype(np.int32),
        "scores": rng.random(rows).astype(np.float32),
        "masks": rng.random((30, 40, rows)) < 0.3,
    }


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=2))
    return path


def assert_columns(found: FrameDetections, columns: dict[str, Any]) -> None:
    np.testing.assert_array_equal(found.category, columns["class_ids"])
    np.testing.assert_array_equal(found.bbox, columns["rois"])
    np.testing.assert_allclose(found.confidence, columns["scores"], rtol=1e-6)
    np.testing.assert_array_equal(found.masks != 0, columns["masks"] != 0)
    assert (found.category.dtype, found.bbox.dtype, found.confidence.dtype) == ("u1", "i4", "f4")


def make_frame(root: Path, part_name: str = "Real/test", scene: str = "scene_1") -> NocsFrame:
    (part,) = (part for part in PARTS if part.name == part_name)
    return NocsFrame(root=root, part=part, scene=scene, stem="0007", folder=root)


def test_forms_of_spd_and_of_dualposenet(tmp_path: Path) -> None:
    columns = draw_columns()
    renamed = {
        "pred_class_ids": columns["class_ids"],
        "pred_bboxes": columns["rois"],
        "pred_scores": columns["scores"],
        "pred_masks": columns["masks"].astype(np.uint8),
        "gt_class_ids": np.array([1]),
    }
    for content in (columns, renamed):
        assert_columns(read_detections(write(tmp_path / "d.pkl", content), SIZE), columns)


def test_tracking_form_has_no_confidence(tmp_path: Path) -> None:
    columns = draw_columns()
    pred = {name: columns[name] for name in ("class_ids", "rois", "masks")}
    transform = np.stack([np.diag([k, k, k, 1.0]) for k in (1, 2, 3)])
    truth = {
        "poses": transform,
        "handle_visibility": np.array([1, 0, 1]),
        "model_list": list("abc"),
    }
    content = {"pred": pred | {"seen": np.array([1, 0, 1])}, "gt": truth}
    path = write(tmp_path / "t.pkl", content)
    assert_columns(read_detections(path, SIZE), columns | {"scores": np.ones(3)})
    tracks = read_aligned_tracks(path, SIZE)
    assert_columns(tracks.detections, columns | {"scores": np.ones(3)})
    np.testing.assert_array_equal(tracks.seen, [True, False, True])
    np.testing.assert_array_equal(tracks.transform, transform)
    np.testing.assert_array_equal(tracks.handle_visible, [1, 0, 1])
    assert tracks.instances == ("a", "b", "c")
    del content["gt"]
    with pytest.raises(DataFormatError, match="pred and gt"):
        read_aligned_tracks(write(path, content), SIZE)


@pytest.mark.parametrize("shape", [(0, 30, 40), (30, 40, 0), (0,)])
def test_no_detections_whatever_the_shape_of_their_masks(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    content = {"class_ids": [], "rois": [], "scores": [], "masks": np.zeros(shape)}
    found = read_detections(write(tmp_path / "d.pkl", content), SIZE)
    assert len(found) == 0
    assert found.masks.shape == (30, 40, 0)
    assert found.bbox.shape == (0, 4)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"class_ids": None}, "class_ids"),
        ({"class_ids": np.array([1, 2])}, "rois"),
        ({"class_ids": np.array([0, 1, 2])}, "classes 1 to 6"),
        ({"class_ids": np.array([1, 2, 7])}, "classes 1 to 6"),
        ({"class_ids": np.array([1, 1.5, 2])}, "classes 1 to 6"),
        ({"class_ids": ["mug", "can", "bowl"]}, "class_ids"),
        ({"rois": np.zeros((3, 5))}, "rois"),
        ({"rois": np.full((3, 4), np.nan)}, "rois"),
        ({"rois": np.array([[5, 5, 0, 0]] * 3)}, "boxes"),
        ({"rois": np.array([[0, 0, 2**40, 5]] * 3)}, "boxes"),
        ({"rois": [[1, 2, 3, 4], [1, 2], [3]]}, "rois"),
        ({"scores": np.array([0.5, np.nan, 0.5])}, "scores"),
        ({"scores": np.array([0.5, 1.5, 0.5])}, "confidences"),
        ({"masks": np.zeros((40, 30, 3))}, "masks"),
        ({"masks": np.zeros((30, 40, 2))}, "masks"),
        ({"masks": None}, "masks"),
    ],
)
def test_columns_that_contradict_each_other_are_named(
    tmp_path: Path, change: dict[str, Any], complaint: str
) -> None:
    path = write(tmp_path / "d.pkl", draw_columns() | change)
    with pytest.raises(DataFormatError, match=rf"d\.pkl: .*{complaint}"):
        read_detections(path, SIZE)


def test_a_pickle_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataFormatError, match="expected a dictionary, got a list"):
        read_detections(write(tmp_path / "d.pkl", [1, 2]), SIZE)


@pytest.mark.parametrize("name", ["real_test", "REAL275", ""])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_every_layout_is_found(tmp_path: Path, name: str, suffix: str) -> None:
    folder = tmp_path / "mrcnn_results"
    path = folder / name / f"results_test_scene_1_0007.pkl{suffix}"
    write(path, {})
    assert find_detections(folder, make_frame(tmp_path)) == path
    assert find_detections(folder, make_frame(tmp_path, "CAMERA/val", "00000")) is None
    assert find_detections(folder, make_frame(tmp_path, scene="scene_2")) is None


def test_folder_inside_or_beside_the_data(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    assert find_detections_folder(data) is None
    (tmp_path / "segmentation_results").mkdir()
    assert find_detections_folder(data) == tmp_path / "segmentation_results"
    (data / "mrcnn_results").mkdir()
    assert find_detections_folder(data) == data / "mrcnn_results"


def write_json(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def make_result(columns: dict[str, Any], row: int, image: Any, category: Any) -> dict[str, Any]:
    y1, x1, y2, x2 = (int(edge) for edge in columns["rois"][row])
    return {
        "image_id": image,
        "category_id": category,
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "score": float(columns["scores"][row]),
        "segmentation": encode_rle(columns["masks"][..., row]),
    }


def test_coco_results_are_the_same_detections(tmp_path: Path) -> None:
    columns = draw_columns()
    results = [
        make_result(columns, row, "Real/test/scene_1/0007", int(columns["class_ids"][row]))
        for row in range(3)
    ]
    found = read_coco(write_json(tmp_path / "r.json", results))
    assert list(found) == ["Real/test/scene_1/0007"]
    assert_columns(decode_results("r", found["Real/test/scene_1/0007"], SIZE), columns)


def test_coco_data_set_names_images_and_categories(tmp_path: Path) -> None:
    columns = draw_columns(1)
    content = {
        "images": [{"id": 7, "file_name": "a/0007.png"}, {"id": 8, "file_name": "0008.png"}],
        "categories": [{"id": 41, "name": "Mug"}, {"id": 3, "name": "dog"}],
        "annotations": [
            make_result(columns, 0, 7, 41) | {"id": 99},
            make_result(columns, 0, 7, 3),
        ],
    }
    found = read_coco(write_json(tmp_path / "c.json", content))
    assert [(name, len(results)) for name, results in found.items()] == [("a/0007", 1), ("0008", 0)]
    assert (found["a/0007"][0].category, found["a/0007"][0].id) == (6, 99)


@pytest.mark.parametrize(
    "content",
    [
        3,
        {"annotations": 3},
        [3],
        [{}],
        [{"image_id": 5, "category_id": 1}],
        [{"image_id": ["a"], "category_id": 1}],
        [{"image_id": "a", "category_id": 1, "bbox": [1, 2, 3]}],
        [{"image_id": "a", "category_id": 1, "bbox": [1, 2, 3, "x"]}],
        [{"image_id": "a", "category_id": 1, "bbox": [0, 0, 1, 1e300]}],
        {"images": [{"id": 1}], "annotations": []},
        {"images": [3], "annotations": []},
        {"images": 3, "annotations": []},
    ],
)
def test_json_of_another_form_is_refused(tmp_path: Path, content: Any) -> None:
    with pytest.raises(DataFormatError, match=r"c\.json"):
        read_coco(write_json(tmp_path / "c.json", content))


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\x00", '{"annotations": [NaN'])
def test_what_is_no_json_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(DataFormatError, match=r"c\.json: not valid JSON"):
        read_coco(tmp_path / "c.json")


def test_damaged_masks_name_their_object(tmp_path: Path) -> None:
    result = make_result(draw_columns(1), 0, "a", 1) | {"id": 5, "segmentation": {"size": [1, 1]}}
    found = read_coco(write_json(tmp_path / "c.json", [result]))
    with pytest.raises(DataFormatError, match=r"c\.json a, object 5: "):
        decode_results("c.json a", found["a"], SIZE)
