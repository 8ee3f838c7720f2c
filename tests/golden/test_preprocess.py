"""Frames to point clouds against what the released code recorded for the same frames."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from benchmark.geometry.similarity import compute_rotation, compute_scale
from benchmark.pickles import read_pickle
from preprocess.annotations import read_spd_label
from preprocess.crops import (
    MIN_POINTS,
    Crop,
    Window,
    compute_crop_offsets,
    compute_window,
    crop_cloud,
    sample_cloud,
    sample_points,
)
from preprocess.detections import FrameDetections, find_detections, read_detections
from preprocess.frames import PARTS, NocsFrame, find_frames, read_frame_list
from preprocess.images import read_depth
from tests.golden.parity import Archives, Parity, Recorded

IMAGE_SIZE = (640, 480)
EXPECTED = {"Real/test": "expected_real_test.npz", "CAMERA/val": "expected_val.npz"}


class RecordedFrame(NamedTuple):
    """One frame: what it is, what was detected, and what was recorded for it."""

    frame: NocsFrame
    depth_mm: np.ndarray
    detections: FrameDetections
    values: Recorded

    def crop(self, row: int) -> Crop:
        window = compute_window(self.detections.bbox[row])
        mask = self.detections.masks[..., row]
        return crop_cloud(self.depth_mm, mask, window, self.frame.part.intrinsics)


def read_recorded(golden: Path, archives: Archives, part_name: str) -> Iterator[RecordedFrame]:
    folder = golden / "preprocess"
    (part,) = (part for part in PARTS if part.name == part_name)
    values = archives(f"preprocess/{EXPECTED[part_name]}")
    frames = find_frames(folder / "data", part)
    assert [str(name) for name in values["frames"]] == [frame.id for frame in frames]
    for index, frame in enumerate(frames):
        path = find_detections(folder / "mrcnn_results", frame)
        assert path is not None
        depth = read_depth(frame.get_path("depth.png"))
        detections = read_detections(path, IMAGE_SIZE)
        yield RecordedFrame(frame, depth, detections, values.below(f"f{index}_"))


@pytest.fixture(scope="module")
def recorded(golden: Path, archives: Archives) -> list[RecordedFrame]:
    return [frame for part in EXPECTED for frame in read_recorded(golden, archives, part)]


@pytest.fixture(scope="module")
def tables(archives: Archives) -> Recorded:
    return archives("preprocess/window_tables.npz")


def test_windows_of_random_boxes(tables: Recorded, parity: Parity) -> None:
    windows = [compute_window(bbox) for bbox in tables["rois"]]
    parity("windows of random boxes (`windows`)", windows, tables["windows"])


def read_line(start: int, side: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    source = start + compute_crop_offsets(side)
    return source, (source >= 0) & (source < length)


def test_source_pixels_of_every_window_side(tables: Recorded, parity: Parity) -> None:
    sides = [int(key[1:].split("_")[0]) for key in tables if re.fullmatch(r"w\d+_cols", key)]
    assert sides
    for side in sides:
        top, left = tables[f"w{side}_origin_yx"]
        for axis, start, length in (("cols", left, 640), ("rows", top, 480)):
            source, inside = read_line(int(start), side, length)
            check_line(parity, source, inside, tables.below(f"w{side}_"), axis)


def check_line(
    parity: Parity, source: np.ndarray, inside: np.ndarray, expected: Recorded, axis: str
) -> None:
    parity(f"pixels inside (`*_inside_{axis}`)", inside, expected[f"inside_{axis}"])
    parity(f"pixels read (`*_{axis}`)", source[inside], expected[axis][inside])


def test_windows_at_the_lower_right_corner_read_nothing_outside(
    tables: Recorded, parity: Parity
) -> None:
    sides = [int(key[5:].split("_")[0]) for key in tables if re.fullmatch(r"flush\d+_cols", key)]
    assert sides
    for side in sides:
        for axis, length in (("cols", 640), ("rows", 480)):
            source, inside = read_line(length - side, side, length)
            check_line(parity, source, inside, tables.below(f"flush{side}_"), axis)


def test_lists_name_the_frames_that_are_there(golden: Path, recorded: list[RecordedFrame]) -> None:
    data = golden / "preprocess" / "data"
    listed = read_frame_list(data / "Real/test_list.txt")
    listed += read_frame_list(data / "CAMERA/val_list.txt")
    assert listed == [frame.frame.id for frame in recorded]


def test_decoded_depth(recorded: list[RecordedFrame], parity: Parity) -> None:
    for frame in recorded:
        depth = frame.depth_mm.astype(np.int64)
        found = [depth.sum(), np.count_nonzero(depth), depth.max()]
        parity("decoded depth (`f*_depth_checksum`)", found, frame.values["depth_checksum"])


def test_detections_and_their_windows(recorded: list[RecordedFrame], parity: Parity) -> None:
    for frame in recorded:
        parity("detections (`f*_n_det`)", len(frame.detections), frame.values["n_det"])
        category = frame.detections.category[frame.values["valid_inst"]].astype(int) - 1
        parity("their categories (`f*_cat_id`)", category, frame.values["cat_id"])
        windows = np.reshape([compute_window(bbox) for bbox in frame.detections.bbox], (-1, 4))
        parity("their windows (`f*_window`)", windows, np.reshape(frame.values["window"], (-1, 4)))


def test_dropped_detections(recorded: list[RecordedFrame], parity: Parity) -> None:
    dropped = 0
    for frame in recorded:
        rows = range(len(frame.detections))
        kept = [row for row in rows if len(frame.crop(row).points) >= MIN_POINTS]
        parity("those with points (`f*_valid_inst`)", kept, frame.values["valid_inst"])
        dropped += len(rows) - len(kept)
    assert dropped


def test_point_sets_in_order(recorded: list[RecordedFrame], parity: Parity) -> None:
    for frame in recorded:
        for row in frame.values["valid_inst"]:
            crop, expected = frame.crop(row), frame.values.below(f"i{row}_")
            parity("points in order (`*_pcl_in`)", crop.points, expected["pcl_in"])
            parity("their crop pixels (`*_crop_index`)", crop.crop_index, expected["crop_index"])
            parity("their source pixels (`*_uv`)", crop.pixels, expected["uv"])


def test_sampled_points(recorded: list[RecordedFrame], parity: Parity) -> None:
    small = 0
    for frame in recorded:
        for row in frame.values["valid_inst"]:
            points = frame.crop(row).points
            expected = frame.values[f"i{row}_points"]
            if len(points) > len(expected):
                ids = frame.values[f"i{row}_ids"]
                parity("points of the recorded draws (`*_points`)", points[ids], expected)
            else:
                small += 1
                sampled, _ = sample_points(points, np.random.default_rng(0))
                parity("repeated points of small clouds (`*_points`)", sampled, expected)
    assert small


def test_direct_sampling_equals_cropping_then_sampling(recorded: list[RecordedFrame]) -> None:
    for frame in recorded:
        for row in range(len(frame.detections)):
            crop = frame.crop(row)
            window: Window = compute_window(frame.detections.bbox[row])
            cloud = sample_cloud(
                frame.depth_mm,
                frame.detections.masks[..., row],
                window,
                frame.frame.part.intrinsics,
                np.random.default_rng(row),
            )
            assert cloud.valid_pixels == len(crop.points)
            if len(cloud.points):
                points, ids = sample_points(crop.points, np.random.default_rng(row))
                np.testing.assert_array_equal(cloud.points, points)
                np.testing.assert_array_equal(cloud.pixels, crop.pixels[ids])


def test_spd_labels(recorded: list[RecordedFrame], parity: Parity) -> None:
    for frame in recorded:
        path = frame.frame.get_path("label.pkl")
        truth, stored = read_spd_label(path), read_pickle(path)
        poses = truth.transform.astype(np.float64)
        for key, found, tolerance in (
            ("poses", truth.transform, 1e-6),
            ("scales", compute_scale(poses), 1e-6),
            ("rotations", compute_rotation(poses), 1e-6),
            ("translations", poses[:, :3, 3], 1e-6),
            ("size", truth.extents, 0),
            ("bboxes", truth.bbox, 0),
            ("class_ids", truth.category, 0),
            ("handle_visibility", truth.handle_visible, 0),
        ):
            parity(f"`{key}` of `*_label.pkl`", found, stored[key], atol=tolerance)
        assert truth.instance.tolist() == stored["model_list"]
