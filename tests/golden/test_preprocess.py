"""Frames to point clouds against what the released code recorded for the same frames."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

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

IMAGE_SIZE = (640, 480)
EXPECTED = {"Real/test": "expected_real_test.npz", "CAMERA/val": "expected_val.npz"}


class Recorded(NamedTuple):
    """One frame: what it is, what was detected, and what was recorded for it."""

    frame: NocsFrame
    depth_mm: np.ndarray
    detections: FrameDetections
    values: dict[str, np.ndarray]

    def crop(self, row: int) -> Crop:
        window = compute_window(self.detections.bbox[row])
        mask = self.detections.masks[..., row]
        return crop_cloud(self.depth_mm, mask, window, self.frame.part.intrinsics)


def read_recorded(golden: Path, part_name: str) -> Iterator[Recorded]:
    folder = golden / "preprocess"
    (part,) = (part for part in PARTS if part.name == part_name)
    with np.load(folder / EXPECTED[part_name]) as archive:
        values = dict(archive)
    frames = find_frames(folder / "data", part)
    assert [str(name) for name in values["frames"]] == [frame.id for frame in frames]
    for index, frame in enumerate(frames):
        path = find_detections(folder / "mrcnn_results", frame)
        assert path is not None
        own = {
            key.removeprefix(f"f{index}_"): value
            for key, value in values.items()
            if re.match(rf"f{index}_", key)
        }
        depth = read_depth(frame.get_path("depth.png"))
        yield Recorded(frame, depth, read_detections(path, IMAGE_SIZE), own)


@pytest.fixture(scope="module")
def recorded(golden: Path) -> list[Recorded]:
    return [frame for part in EXPECTED for frame in read_recorded(golden, part)]


@pytest.fixture(scope="module")
def tables(golden: Path) -> dict[str, np.ndarray]:
    with np.load(golden / "preprocess" / "window_tables.npz") as archive:
        return dict(archive)


def test_windows_of_random_boxes(tables: dict[str, np.ndarray]) -> None:
    windows = [compute_window(bbox) for bbox in tables["rois"]]
    np.testing.assert_array_equal(windows, tables["windows"])


def read_line(start: int, side: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    source = start + compute_crop_offsets(side)
    return source, (source >= 0) & (source < length)


def test_source_pixels_of_every_window_side(tables: dict[str, np.ndarray]) -> None:
    sides = [int(key[1:].split("_")[0]) for key in tables if re.fullmatch(r"w\d+_cols", key)]
    assert sides
    for side in sides:
        top, left = tables[f"w{side}_origin_yx"]
        for axis, start, length in (("cols", left, 640), ("rows", top, 480)):
            source, inside = read_line(int(start), side, length)
            np.testing.assert_array_equal(inside, tables[f"w{side}_inside_{axis}"])
            expected = tables[f"w{side}_{axis}"]
            np.testing.assert_array_equal(source[inside], expected[inside])


def test_windows_at_the_lower_right_corner_read_nothing_outside(
    tables: dict[str, np.ndarray],
) -> None:
    sides = [int(key[5:].split("_")[0]) for key in tables if re.fullmatch(r"flush\d+_cols", key)]
    assert sides
    for side in sides:
        for axis, length in (("cols", 640), ("rows", 480)):
            source, inside = read_line(length - side, side, length)
            np.testing.assert_array_equal(inside, tables[f"flush{side}_inside_{axis}"])
            expected = tables[f"flush{side}_{axis}"]
            np.testing.assert_array_equal(source[inside], expected[inside])


def test_lists_name_the_frames_that_are_there(golden: Path, recorded: list[Recorded]) -> None:
    data = golden / "preprocess" / "data"
    listed = read_frame_list(data / "Real/test_list.txt")
    listed += read_frame_list(data / "CAMERA/val_list.txt")
    assert listed == [frame.frame.id for frame in recorded]


def test_decoded_depth(recorded: list[Recorded]) -> None:
    for frame in recorded:
        depth = frame.depth_mm.astype(np.int64)
        found = [depth.sum(), np.count_nonzero(depth), depth.max()]
        np.testing.assert_array_equal(found, frame.values["depth_checksum"])


def test_detections_and_their_windows(recorded: list[Recorded]) -> None:
    for frame in recorded:
        assert len(frame.detections) == frame.values["n_det"]
        valid = frame.values["valid_inst"]
        np.testing.assert_array_equal(
            frame.detections.category[valid].astype(int) - 1, frame.values["cat_id"]
        )
        windows = [compute_window(bbox) for bbox in frame.detections.bbox]
        np.testing.assert_array_equal(
            np.reshape(windows, (-1, 4)), np.reshape(frame.values["window"], (-1, 4))
        )


def test_dropped_detections(recorded: list[Recorded]) -> None:
    dropped = 0
    for frame in recorded:
        rows = range(len(frame.detections))
        kept = [row for row in rows if len(frame.crop(row).points) >= MIN_POINTS]
        np.testing.assert_array_equal(kept, frame.values["valid_inst"])
        dropped += len(rows) - len(kept)
    assert dropped


def test_point_sets_in_order(recorded: list[Recorded]) -> None:
    for frame in recorded:
        for row in frame.values["valid_inst"]:
            crop = frame.crop(row)
            np.testing.assert_array_equal(crop.points, frame.values[f"i{row}_pcl_in"])
            np.testing.assert_array_equal(crop.crop_index, frame.values[f"i{row}_crop_index"])
            np.testing.assert_array_equal(crop.pixels, frame.values[f"i{row}_uv"])


def test_sampled_points(recorded: list[Recorded]) -> None:
    small = 0
    for frame in recorded:
        for row in frame.values["valid_inst"]:
            points = frame.crop(row).points
            expected = frame.values[f"i{row}_points"]
            if len(points) > len(expected):
                ids = frame.values[f"i{row}_ids"]
                np.testing.assert_array_equal(points[ids], expected)
            else:
                small += 1
                sampled, _ = sample_points(points, np.random.default_rng(0))
                np.testing.assert_array_equal(sampled, expected)
    assert small


def test_direct_sampling_equals_cropping_then_sampling(recorded: list[Recorded]) -> None:
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


def test_spd_labels(recorded: list[Recorded]) -> None:
    for frame in recorded:
        path = frame.frame.get_path("label.pkl")
        truth, stored = read_spd_label(path), read_pickle(path)
        np.testing.assert_allclose(truth.transform, stored["poses"], atol=1e-6)
        np.testing.assert_array_equal(truth.extents, stored["size"])
        np.testing.assert_array_equal(truth.bbox, stored["bboxes"])
        np.testing.assert_array_equal(truth.category, stored["class_ids"])
        np.testing.assert_array_equal(truth.handle_visible, stored["handle_visibility"])
        assert truth.instance.tolist() == stored["model_list"]
