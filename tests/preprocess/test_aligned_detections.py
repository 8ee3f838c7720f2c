"""Aligned detections: each says whose it is, and `prepare` keeps that."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.errors import DataFormatError
from benchmark.records import Detections, GroundTruth
from benchmark.shards import POINTS_PER_CLOUD, Objects, Shard, read_shard
from preprocess.evaluation_frames import match_objects
from preprocess.prepare import PrepareOptions, write_shards
from preprocess.sources import find_sources

NEAR, FAR = [10, 10, 50, 50], [100, 100, 150, 150]


def _match(instances: list[str]) -> list[int]:
    """Match two detections, near and far, of the bottles a (near) and b (far)."""
    objects = Objects(
        points=np.zeros((2, POINTS_PER_CLOUD, 3)),
        frame=np.zeros(2),
        detection=np.arange(2),
        ground_truth=np.full(2, -1),
        category=np.ones(2),
        valid_pixels=np.ones(2),
    )
    detections = Detections(
        frame=np.zeros(2),
        category=np.ones(2),
        bbox=np.array([NEAR, FAR]),
        confidence=np.ones(2),
    )
    truth = GroundTruth(
        frame=np.zeros(2),
        category=np.ones(2),
        instance=np.array(["a", "b"]),
        transform=np.tile(np.eye(4), (2, 1, 1)),
        extents=np.ones((2, 3)),
        bbox=np.array([NEAR, FAR]),
        handle_visible=np.ones(2),
        visible_pixels=np.ones(2),
    )
    return match_objects(objects, detections, truth, instances).ground_truth.tolist()


@pytest.mark.parametrize(
    ("instances", "expected"),
    [(["", ""], [0, 1]), (["b", "a"], [1, 0]), (["b", ""], [1, 1]), (["gone", "a"], [-1, 0])],
)
def test_a_name_counts_more_than_a_box(instances: list[str], expected: list[int]) -> None:
    assert _match(instances) == expected


def _read(root: Path, out: Path, detections: Path | None = None) -> Shard:
    sources = find_sources(root, PrepareOptions(split="test", detections=detections))
    summary = write_shards(sources, out)
    return read_shard(summary.shards[0].path)


def _align(root: Path, plain: Shard) -> None:
    """Write the tree's detections in the tracking form; the first object is seen nowhere."""
    for row, frame in enumerate(plain.frames.id):
        _, _, scene, stem = frame.split("/")
        name = f"results_test_{scene}_{stem}.pkl"
        found = pickle.loads((root / "mrcnn_results/real_test" / name).read_bytes())  # noqa: S301
        truth = plain.ground_truth.take(plain.ground_truth.frame == row)
        found["masks"][..., 0] = 0
        content = {
            "pred": {key: found[key] for key in ("class_ids", "rois", "masks")}
            | {"seen": np.arange(len(truth)) > 0},
            "gt": {"poses": truth.transform, "model_list": truth.instance.tolist()},
        }
        folder = root / "mrcnn_results/aligned_real_test"
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(pickle.dumps(content))


def test_prepare_takes_them_by_word_and_by_folder(nocs_tree: Any, tmp_path: Path) -> None:
    root = nocs_tree.root
    _align(root, _read(root, tmp_path / "plain"))
    by_word = _read(root, tmp_path / "word", Path("aligned"))
    by_folder = _read(root, tmp_path / "folder", root / "mrcnn_results/aligned_real_test")
    np.testing.assert_array_equal(by_word.objects.points, by_folder.objects.points)
    assert by_word.info.configuration["detections"] == "aligned"
    assert len(by_word.detections) == 9
    assert by_word.objects.ground_truth.tolist() == [1, 2, 4, 5, 7, 8]
    assert by_word.quarantine.reason.tolist() == ["too_few_points"] * 3


def test_data_without_them_is_told_so(nocs_tree: Any, tmp_path: Path) -> None:
    with pytest.raises(DataFormatError, match="aligned_real_test: no such folder"):
        _read(nocs_tree.root, tmp_path / "out", Path("aligned"))
