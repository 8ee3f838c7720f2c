"""NOCS trees into shards: right rows, the same bytes however they are made, and nothing lost."""

import pickle
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from benchmark.errors import DataFormatError
from benchmark.geometry.similarity import compute_rotation, compute_scale
from benchmark.shards import Shard, find_shards, read_shard, write_shard
from preprocess import prepare as prepare_module
from preprocess.clouds import CloudOptions
from preprocess.partition import partition
from preprocess.prepare import PrepareOptions, PrepareSummary, write_shards
from preprocess.sources import find_sources

TEST_FRAME = "Real/test/scene_1/0001"
PARTS = {"test": ["real"], "val": ["camera"], "train": ["camera", "real"]}


def prepare(root: Path, out: Path, *, workers: int = 1, **options: Any) -> PrepareSummary:
    return write_shards(find_sources(root, PrepareOptions(**options)), out, workers=workers)


def read_test(root: Path, out: Path, **options: Any) -> Shard:
    prepare(root, out, split="test", **options)
    return read_shard(out / "test-real-0000.h5")


def read_bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.h5"))}


@pytest.fixture
def one_frame_a_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare_module, "partition", lambda frames: partition(frames, 1))


def test_every_part_becomes_shards_of_its_split(nocs_tree: Any, tmp_path: Path) -> None:
    prepare(nocs_tree.root, tmp_path / "out")
    for split, sources in PARTS.items():
        for source in sources:
            shard = read_shard(tmp_path / "out" / f"{split}-{source}-0000.h5")
            assert (shard.info.dataset, shard.info.split) == ("nocs", split)
            assert shard.info.source == source
            assert set(shard.info.fingerprints) >= {"frames", "labels"}
            frames = [name for name in nocs_tree.objects if shard.frames.id[0][:8] in name]
            assert len(shard.objects) == 3 * len(frames)


def test_test_objects_are_detections_matched_to_their_annotation(
    nocs_tree: Any, tmp_path: Path
) -> None:
    shard = read_test(nocs_tree.root, tmp_path / "out", recentre_mugs=False)
    assert shard.info.label_set == "nocs-gts/mug-box-centre"
    assert shard.frames.scene.tolist() == ["Real/test/scene_1"] * 2 + ["Real/test/scene_2"]
    for row, name in enumerate(shard.frames.id):
        truth = [item.transform for item in nocs_tree.objects[name]]
        ours = shard.ground_truth.transform[shard.ground_truth.frame == row]
        np.testing.assert_allclose(ours, truth, atol=1e-6)
    np.testing.assert_array_equal(shard.objects.ground_truth, np.arange(9))
    np.testing.assert_array_equal(shard.objects.detection, np.arange(9))
    centre = shard.objects.points.mean(axis=1)
    reach = compute_scale(shard.ground_truth.transform)
    shift = np.linalg.norm(centre - shard.ground_truth.transform[:, :3, 3], axis=1)
    assert np.all(shift < reach / 2)


def test_an_annotation_of_another_class_or_place_is_no_match(
    nocs_tree: Any, tmp_path: Path
) -> None:
    path = nocs_tree.root / "mrcnn_results/real_test/results_test_scene_2_0000.pkl"
    content = pickle.loads(path.read_bytes())  # noqa: S301 - written by the fixture
    content["class_ids"][0] = 3
    content["rois"][1] = content["rois"][0]
    path.write_bytes(pickle.dumps(content))
    shard = read_test(nocs_tree.root, tmp_path / "out")
    assert shard.objects.ground_truth[shard.objects.detection == 6].tolist() == [-1]
    last = shard.objects.take(shard.objects.frame == 2)
    assert last.ground_truth[last.detection == 8].tolist() == [8]
    assert 7 not in last.ground_truth[last.detection == 7]


def test_derived_training_labels_are_the_true_poses(nocs_tree: Any, tmp_path: Path) -> None:
    prepare(nocs_tree.root, tmp_path / "out", split="train", recentre_mugs=False)
    for source in ("camera", "real"):
        shard = read_shard(tmp_path / "out" / f"train-{source}-0000.h5")
        assert shard.info.label_set == "nocs-derived/mug-box-centre"
        truth = np.concatenate(
            [[i.transform for i in nocs_tree.objects[name]] for name in shard.frames.id]
        )
        ours = shard.ground_truth.transform
        turned = compute_rotation(ours).swapaxes(1, 2) @ compute_rotation(truth)
        cosine = (np.trace(turned, axis1=1, axis2=2) - 1) / 2
        assert np.rad2deg(np.arccos(np.clip(cosine, -1, 1))).max() < 0.5
        assert np.abs(ours[:, :3, 3] - truth[:, :3, 3]).max() < 2e-3
        np.testing.assert_array_equal(shard.objects.ground_truth, np.arange(len(truth)))
        assert np.all(shard.objects.detection == -1)


def test_mugs_are_recentred_unless_told_otherwise(nocs_tree: Any, tmp_path: Path) -> None:
    moved = read_test(nocs_tree.root, tmp_path / "a").ground_truth
    left = read_test(nocs_tree.root, tmp_path / "b", recentre_mugs=False).ground_truth
    mug = moved.category == 6
    np.testing.assert_array_equal(moved.transform[~mug], left.transform[~mug])
    axis = left.transform[mug][:, :3, 0]
    np.testing.assert_allclose(
        moved.transform[mug][:, :3, 3], left.transform[mug][:, :3, 3] - 0.1 * axis, atol=1e-6
    )
    assert read_shard(tmp_path / "a/test-real-0000.h5").info.label_set.endswith("mug-body-axis")


def test_mugs_that_cannot_be_recentred_stop_everything_at_once(
    nocs_tree: Any, tmp_path: Path
) -> None:
    shutil.rmtree(nocs_tree.root / "obj_models")
    with pytest.raises(DataFormatError, match="--no-mug-recenter"):
        prepare(nocs_tree.root, tmp_path / "out", split="val")
    prepare(nocs_tree.root, tmp_path / "out", split="val", recentre_mugs=False)


@pytest.mark.usefixtures("one_frame_a_shard")
def test_number_of_workers_changes_no_byte(nocs_tree: Any, tmp_path: Path) -> None:
    prepare(nocs_tree.root, tmp_path / "one", workers=1)
    prepare(nocs_tree.root, tmp_path / "two", workers=2)
    assert len(read_bytes(tmp_path / "one")) == 7
    assert read_bytes(tmp_path / "one") == read_bytes(tmp_path / "two")


def test_both_layouts_give_the_same_bytes(nocs_tree: Any, tmp_path: Path) -> None:
    prepare(nocs_tree.root, tmp_path / "working")
    for name, download in (
        ("Real/test", "real_test"),
        ("Real/train", "real_train"),
        ("CAMERA/val", "val"),
        ("CAMERA/train", "train"),
    ):
        (nocs_tree.root / name).rename(nocs_tree.root / download)
    prepare(nocs_tree.root, tmp_path / "download")
    assert read_bytes(tmp_path / "working") == read_bytes(tmp_path / "download")


@pytest.mark.usefixtures("one_frame_a_shard")
def test_whole_shards_of_the_same_making_are_kept(nocs_tree: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare(nocs_tree.root, out, split="test")
    before = read_bytes(out)
    assert all(shard.kept for shard in prepare(nocs_tree.root, out, split="test").shards)

    (out / "test-real-0000.h5").write_bytes(before["test-real-0000.h5"][:-500])
    path = nocs_tree.root / "Real/test/scene_1/0001_depth.png"
    cv2.imwrite(str(path), cv2.imread(str(path), cv2.IMREAD_UNCHANGED) + 1)
    summary = prepare(nocs_tree.root, out, split="test")
    assert [shard.kept for shard in summary.shards] == [False, False, True]
    after = read_bytes(out)
    assert after["test-real-0000.h5"] == before["test-real-0000.h5"]
    assert after["test-real-0001.h5"] != before["test-real-0001.h5"]


def test_every_file_of_a_frame_is_read_once(
    nocs_tree: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, names = Path.read_bytes, Counter[str]()

    def count(path: Path) -> bytes:
        names[path.name] += 1
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", count)
    (source,) = find_sources(nocs_tree.root, PrepareOptions(split="test"))
    names.clear()
    write_shards([source], tmp_path / "out")
    listed = [source.reader.list_files(frame) for frame in source.frames]
    files = Counter(path.name for kinds in listed for paths in kinds.values() for path in paths)
    assert len(listed) == 3
    assert {name: names[name] for name in files} == files


@pytest.mark.parametrize(
    "options", [{"clouds": CloudOptions(seed=1)}, {"recentre_mugs": False}, {"stride": 2}]
)
def test_other_options_make_other_shards(
    nocs_tree: Any, tmp_path: Path, options: dict[str, Any]
) -> None:
    prepare(nocs_tree.root, tmp_path / "out", split="test")
    before = read_bytes(tmp_path / "out")
    summary = prepare(nocs_tree.root, tmp_path / "out", split="test", **options)
    assert not summary.shards[0].kept
    assert read_bytes(tmp_path / "out") != before


@pytest.mark.usefixtures("one_frame_a_shard")
def test_surplus_shards_of_ours_are_removed_and_no_others(nocs_tree: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare(nocs_tree.root, out, split="test")
    foreign = read_shard(out / "test-real-0000.h5")
    foreign.info.configuration.clear()
    write_shard(out / "test-real-00099.h5", foreign)
    summary = prepare(nocs_tree.root, out, split="test", stride=3)
    assert [path.name for path in summary.removed] == ["test-real-0001.h5", "test-real-0002.h5"]
    assert [path.name for path in find_shards(out)] == ["test-real-0000.h5", "test-real-00099.h5"]


def test_source_pixels_are_kept_when_asked_for(nocs_tree: Any, tmp_path: Path) -> None:
    assert read_test(nocs_tree.root, tmp_path / "a").objects.pixels is None
    shard = read_test(nocs_tree.root, tmp_path / "b", clouds=CloudOptions(pixels=True))
    fx, fy, cx, cy = shard.frames.intrinsics[0]
    x, y, z = np.moveaxis(shard.objects.points, -1, 0)
    pixels = np.stack([x / z * fx + cx, y / z * fy + cy], axis=-1)
    np.testing.assert_allclose(shard.objects.pixels, pixels, atol=1e-3)


def test_coco_detections_give_the_same_clouds(
    nocs_tree: Any, tmp_path: Path, write_coco: Callable[[Path], None]
) -> None:
    pickles = read_test(nocs_tree.root, tmp_path / "a")
    write_coco(tmp_path / "coco.json")
    coco = read_test(nocs_tree.root, tmp_path / "b", detections=tmp_path / "coco.json")
    np.testing.assert_array_equal(coco.objects.points, pickles.objects.points)
    np.testing.assert_array_equal(coco.detections.confidence, pickles.detections.confidence)


def test_without_detections_masks_are_taken_and_the_user_is_told(
    nocs_tree: Any, tmp_path: Path
) -> None:
    shutil.rmtree(nocs_tree.root / "mrcnn_results")
    (source,) = find_sources(nocs_tree.root, PrepareOptions(split="test"))
    assert "NO DETECTIONS" in source.notes[0]
    shard = read_test(nocs_tree.root, tmp_path / "out")
    assert shard.info.configuration["detections"] == "ground-truth-masks"
    assert np.all(shard.detections.confidence == 1)
    np.testing.assert_array_equal(shard.objects.ground_truth, np.arange(9))


def test_without_annotations_shards_say_that_there_is_no_ground_truth(
    nocs_tree: Any, tmp_path: Path
) -> None:
    shutil.rmtree(nocs_tree.root / "gts")
    shard = read_test(nocs_tree.root, tmp_path / "out")
    assert not shard.info.has_ground_truth
    assert len(shard.objects) == 9


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def blank(path: Path) -> None:
    cv2.imwrite(str(path), np.zeros((480, 640), np.uint16))


def shrink(path: Path) -> None:
    cv2.imwrite(str(path), cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[:240])


def empty(path: Path) -> None:
    path.write_bytes(b"")


class Code:
    """Unpickled by the pickle module, this would run a command."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('code was run')",))


def put_code(path: Path) -> None:
    content = pickle.loads(path.read_bytes())  # noqa: S301 - written by the fixture
    path.write_bytes(pickle.dumps(content | {"code": Code()}))


@pytest.mark.reliability
@pytest.mark.parametrize(
    ("file", "damage", "reason"),
    [
        ("Real/test/scene_1/0001_depth.png", truncate, "unreadable_depth"),
        ("Real/test/scene_1/0001_depth.png", empty, "unreadable_depth"),
        ("Real/test/scene_1/0001_depth.png", Path.unlink, "unreadable_depth"),
        ("Real/test/scene_1/0001_depth.png", blank, "no_depth"),
        ("Real/test/scene_1/0001_mask.png", truncate, "unreadable_mask"),
        ("Real/test/scene_1/0001_mask.png", shrink, "size_mismatch"),
        ("Real/test/scene_1/0001_meta.txt", empty, "no_foreground"),
        ("Real/test/scene_1/0001_meta.txt", Path.unlink, "unreadable_meta"),
        (
            "mrcnn_results/real_test/results_test_scene_1_0001.pkl",
            put_code,
            "unreadable_detections",
        ),
        (
            "mrcnn_results/real_test/results_test_scene_1_0001.pkl",
            truncate,
            "unreadable_detections",
        ),
        (
            "mrcnn_results/real_test/results_test_scene_1_0001.pkl",
            Path.unlink,
            "missing_detections",
        ),
        ("gts/real_test/results_real_test_scene_1_0001.pkl", put_code, "unreadable_annotation"),
        ("gts/real_test/results_real_test_scene_1_0001.pkl", Path.unlink, "unreadable_annotation"),
    ],
)
def test_a_bad_file_costs_its_frame_and_says_why(
    nocs_tree: Any, tmp_path: Path, file: str, damage: Callable[[Path], None], reason: str
) -> None:
    damage(nocs_tree.root / file)
    shard = read_test(nocs_tree.root, tmp_path / "out")
    assert shard.frames.id.tolist() == ["Real/test/scene_1/0000", "Real/test/scene_2/0000"]
    assert len(shard.objects) == 6
    whole = shard.quarantine.take(shard.quarantine.instance == -1)
    assert whole.frame.tolist() == [TEST_FRAME]
    assert whole.reason.tolist() == [reason]
    assert "\n" not in whole.detail[0]


@pytest.mark.reliability
@pytest.mark.parametrize("damage", [truncate, Path.unlink])
def test_a_bad_coordinate_map_costs_its_training_frame(
    nocs_tree: Any, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    damage(nocs_tree.root / "CAMERA/train/00000/0001_coord.png")
    prepare(nocs_tree.root, tmp_path / "out", split="train")
    shard = read_shard(tmp_path / "out/train-camera-0000.h5")
    assert shard.frames.id.tolist() == ["CAMERA/train/00000/0000"]
    assert shard.quarantine.reason.tolist() == ["unreadable_coordinates"]


@pytest.mark.reliability
@pytest.mark.usefixtures("one_frame_a_shard")
def test_an_interruption_leaves_whole_shards_alone(nocs_tree: Any, tmp_path: Path) -> None:
    done = 0

    def interrupt(count: int) -> None:
        nonlocal done
        done += count
        if done == 2:
            raise KeyboardInterrupt

    sources = find_sources(nocs_tree.root, PrepareOptions(split="test"))
    with pytest.raises(KeyboardInterrupt):
        write_shards(sources, tmp_path / "out", advance=interrupt)
    assert sorted(p.name for p in (tmp_path / "out").iterdir() if p.name != ".lock") == [
        "test-real-0000.h5",
        "test-real-0001.h5",
    ]
    summary = prepare(nocs_tree.root, tmp_path / "out", split="test")
    assert [shard.kept for shard in summary.shards] == [True, True, False]
