"""The NOCS tree: geometry of what is on disk, the format facts, determinism and resuming."""

import hashlib
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from benchmark.categories import CAMERA_INTRINSICS, get_category
from benchmark.errors import ConfigError, DataFormatError
from benchmark.geometry.alignment import estimate_similarity
from benchmark.geometry.cameras import back_project, pack_intrinsics
from preprocess.clouds import compute_mask_box
from preprocess.frames import PARTS, NocsFrame, find_frames, read_frame_list, read_meta
from preprocess.images import (
    BACKGROUND,
    decode_coordinates,
    read_coordinate_map,
    read_depth,
    read_mask,
)
from preprocess.meshes import read_obj, write_obj
from preprocess.synthetic.plans import PartPlan, TreePlan
from preprocess.synthetic.tree import TreeOptions, synthesize
from preprocess.synthetic.truth import TRUTH_FILE, Truth, read_truth

PLAN = TreePlan(
    parts={
        "CAMERA/train": PartPlan(scenes=1, frames=1, models=1),
        "CAMERA/val": PartPlan(scenes=1, frames=4, models=1),
        "Real/train": PartPlan(scenes=1, frames=2, models=1),
        "Real/test": PartPlan(scenes=1, frames=2, models=1),
    }
)
"""As small as a tree can be that has every kind of file."""
PLAN_FRAMES = 9


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synth6") / "tree"
    assert synthesize(out, TreeOptions(plan=PLAN, seed=5))
    return out


@pytest.fixture(scope="module")
def truth(tree: Path) -> Truth:
    return read_truth(tree / TRUTH_FILE)


def list_frames(tree: Path) -> list[NocsFrame]:
    return [frame for part in PARTS for frame in find_frames(tree, part)]


def read_image(path: Path) -> np.ndarray:
    """Read an image as OpenCV gives it, apart from the project's own reader."""
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))


def load(path: Path) -> Any:
    return pickle.loads(path.read_bytes())  # noqa: S301 - written by the test itself


def digest(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def test_coordinate_map_and_depth_give_the_true_pose(tree: Path, truth: Truth) -> None:
    checked = 0
    for frame in list_frames(tree):
        depth = read_depth(frame.get_path("depth.png"))
        mask = read_mask(frame.get_path("mask.png"))
        coordinates = decode_coordinates(read_coordinate_map(frame.get_path("coord.png")))
        rows = truth.take(truth.frame == frame.id)
        for row in range(len(rows)):
            seen = (mask == rows.instance[row]) & (depth > 0)
            if np.count_nonzero(seen) < 1500 or frame.part.source == "real":
                continue
            v, u = np.nonzero(seen)
            pixels = np.stack([u, v], axis=1)
            camera = pack_intrinsics(frame.part.intrinsics)
            points = back_project(pixels, depth[v, u] / 1000.0, camera)
            fit = estimate_similarity(coordinates[v, u].astype(float), points)
            true_scale = np.cbrt(np.linalg.det(rows.transform[row, :3, :3]))
            true_rotation = rows.transform[row, :3, :3] / true_scale
            cosine = (np.trace(fit.rotation.T @ true_rotation) - 1) / 2
            assert np.degrees(np.arccos(min(cosine, 1.0))) < 1.0
            assert np.linalg.norm(fit.translation - rows.transform[row, :3, 3]) < 0.003
            assert fit.scale == pytest.approx(true_scale, rel=0.01)
            checked += 1
    assert checked > 8


def test_sensor_depth_lies_on_the_posed_object(tree: Path, truth: Truth) -> None:
    for frame in list_frames(tree):
        if frame.part.source == "camera":
            continue
        depth = read_depth(frame.get_path("depth.png"))
        mask = read_mask(frame.get_path("mask.png"))
        coordinates = decode_coordinates(read_coordinate_map(frame.get_path("coord.png")))
        rows = truth.take(truth.frame == frame.id)
        for row in range(len(rows)):
            seen = (mask == rows.instance[row]) & (depth > 0)
            expected = coordinates[seen] @ rows.transform[row, 2, :3] + rows.transform[row, 2, 3]
            if len(expected) > 500:
                error = depth[seen] / 1000.0 - expected
                assert abs(np.median(error)) < 0.003
                assert 0.0002 < np.median(np.abs(error)) < 0.012


def test_masks_metas_and_truth_agree(tree: Path, truth: Truth) -> None:
    absent = distractors = 0
    for frame in list_frames(tree):
        mask = read_mask(frame.get_path("mask.png"))
        meta = {row.id: row for row in read_meta(frame.get_path("meta.txt"))}
        shown = set(np.unique(mask).tolist()) - {BACKGROUND}
        assert shown <= set(meta)
        absent += len(set(meta) - shown)
        distractors += sum(row.category == 0 for row in meta.values())
        rows = truth.take(truth.frame == frame.id)
        assert rows.instance.tolist() == sorted(id_ for id_ in shown if meta[id_].category)
        for row in range(len(rows)):
            listed = meta[int(rows.instance[row])]
            assert (rows.category[row], rows.model[row]) == (listed.category, listed.model)
            assert rows.visible_pixels[row] == np.count_nonzero(mask == rows.instance[row])
            if frame.part.source == "camera":
                assert listed.synset == get_category(listed.category).synset
    assert absent
    assert distractors


def test_camera_encodings(tree: Path) -> None:
    frame = find_frames(tree, PARTS[1])[0]
    mask = read_image(frame.get_path("mask.png"))
    packed = read_image(frame.get_path("depth.png"))
    composed = read_image(frame.full_depth)
    assert mask.shape == (480, 640, 4)
    assert packed.shape == (480, 640, 3)
    assert (composed.shape, composed.dtype) == ((480, 640), np.uint16)
    background = mask[..., 2] == BACKGROUND  # OpenCV orders blue, green, red
    value = packed[..., 1].astype(int) * 256 + packed[..., 2]
    assert set(np.unique(value[background])) == {32001}
    np.testing.assert_array_equal(value[~background], composed[~background])
    assert composed[background].min() > 0


def test_real_encodings(tree: Path) -> None:
    frame = find_frames(tree, PARTS[3])[0]
    mask = read_image(frame.get_path("mask.png"))
    depth = read_image(frame.get_path("depth.png"))
    assert (mask.shape, mask.dtype) == ((480, 640), np.uint8)
    assert (depth.shape, depth.dtype) == ((480, 640), np.uint16)
    names = frame.get_path("meta.txt").read_text().split()[2::3]
    assert all(name.removesuffix(".npz").endswith("_norm") for name in names)
    assert any(name.endswith(".npz") for name in names)


def test_ground_truth_pickles(tree: Path, truth: Truth) -> None:
    for part in (PARTS[1], PARTS[3]):
        for frame in find_frames(tree, part):
            name = f"results_{part.download}_{frame.scene}_{frame.stem}.pkl"
            content = load(tree / "gts" / part.download / name)
            rows = truth.take(truth.frame == frame.id)
            np.testing.assert_allclose(content["gt_RTs"], rows.transform, atol=1e-6)
            if part.source == "real":
                assert set(content) <= {"gt_RTs", "handle_visibility"}
                continue
            mask = read_mask(frame.get_path("mask.png"))
            boxes = [compute_mask_box(mask == id_) for id_ in rows.instance]
            np.testing.assert_array_equal(content["gt_bboxes"], boxes)
            np.testing.assert_array_equal(content["gt_class_ids"], rows.category)
            assert content["gt_scales"].dtype == np.float32
            np.testing.assert_allclose(np.linalg.norm(content["gt_scales"], axis=1), 1, atol=1e-5)


def test_aligned_detections_hold_recentred_mugs(tree: Path, truth: Truth) -> None:
    mug_meta = load(tree / "obj_models" / "mug_meta.pkl")
    for frame in find_frames(tree, PARTS[3]):
        name = f"results_test_{frame.scene}_{frame.stem}.pkl"
        content = load(tree / "mrcnn_results" / "aligned_real_test" / name)
        rows = truth.take(truth.frame == frame.id)
        assert content["gt"]["model_list"] == rows.model.tolist()
        poses = rows.transform.copy()
        for row in np.flatnonzero(rows.category == 6):
            shift, scale = mug_meta[rows.model[row]]
            poses[row, :3, 3] -= poses[row, :3, :3] @ shift
            poses[row, :3, :3] /= scale
        np.testing.assert_allclose(content["gt"]["poses"], poses, atol=1e-6)
        pred = content["pred"]
        assert pred["masks"].shape == (480, 640, len(rows))
        np.testing.assert_array_equal(pred["masks"].any(axis=(0, 1)), pred["seen"])
        assert (pred["class_ids"] == rows.category).all()


def test_model_files_agree_with_the_truth(tree: Path, truth: Truth) -> None:
    models = tree / "obj_models"
    for row in range(len(truth)):
        scale = np.cbrt(np.linalg.det(truth.transform[row, :3, :3]))
        name, category = truth.model[row], get_category(int(truth.category[row]))
        if truth.frame[row].startswith("Real"):
            folder = "real_train" if "train" in truth.frame[row] else "real_test"
            vertices, _ = read_obj(models / folder / f"{name}.obj")
            extents = np.loadtxt(models / folder / f"{name}.txt")
            np.testing.assert_allclose(extents, scale * truth.extents[row], atol=2e-6)
        else:
            folder = "train" if "train" in truth.frame[row] else "val"
            path = models / folder / category.synset / name
            vertices, _ = read_obj(path / "model.obj")
            corners = np.loadtxt(path / "bbox.txt")
            extents = corners[0] - corners[1]
            np.testing.assert_allclose(extents, truth.extents[row], atol=2e-6)
        np.testing.assert_allclose(np.ptp(vertices, axis=0), extents, atol=3e-6)
        np.testing.assert_allclose(vertices.max(axis=0) + vertices.min(axis=0), 0, atol=3e-6)
    for name in ("camera_train", "camera_val", "real_train", "real_test"):
        for cloud in load(models / f"{name}.pkl").values():
            assert (cloud.shape, cloud.dtype) == ((1024, 3), np.float64)
            assert np.linalg.norm(2 * np.abs(cloud).max(axis=0)) == pytest.approx(1, abs=0.03)


def test_camera_meshes_are_mirrored_and_real_ones_are_not(tree: Path, truth: Truth) -> None:
    """A visible point of the coordinate map lies on the mesh, after negating z in CAMERA."""
    tried = set()
    for frame in list_frames(tree):
        mask = read_mask(frame.get_path("mask.png"))
        coordinates = decode_coordinates(read_coordinate_map(frame.get_path("coord.png")))
        rows = truth.take((truth.frame == frame.id) & (truth.category == 3))  # lopsided in z
        for row in range(len(rows)):
            seen = coordinates[mask == rows.instance[row]]
            name, part = rows.model[row], frame.part
            folder = tree / "obj_models" / part.download
            if part.source == "real":
                vertices, faces = read_obj(folder / f"{name}.obj")
            else:
                synset = get_category(int(rows.category[row])).synset
                vertices, faces = read_obj(folder / synset / name / "model.obj")
                vertices = vertices * [1, 1, -1]
            vertices = vertices / np.linalg.norm(np.ptp(vertices, axis=0))
            error = measure_distance(vertices, faces, seen[:: max(len(seen) // 200, 1)])
            assert np.median(error) < 0.004
            tried.add(part.source)
    assert tried == {"camera", "real"}


def measure_distance(vertices: np.ndarray, faces: np.ndarray, points: np.ndarray) -> np.ndarray:
    import open3d

    caster = open3d.t.geometry.RaycastingScene(nthreads=1)
    caster.add_triangles(
        open3d.core.Tensor.from_numpy(vertices.astype(np.float32)),
        open3d.core.Tensor.from_numpy(faces.astype(np.uint32)),
    )
    query = open3d.core.Tensor.from_numpy(np.ascontiguousarray(points, np.float32))
    return np.asarray(caster.compute_distance(query, nthreads=1).numpy())


def test_lists_and_mug_handles(tree: Path, truth: Truth) -> None:
    for part in PARTS:
        folder, split = part.name.split("/")
        listed = read_frame_list(tree / folder / f"{split}_list.txt")
        assert listed == [frame.id for frame in find_frames(tree, part)]
    handles = load(tree / "Real" / "train" / "mug_handle.pkl")
    assert handles["scene_1"] == [0, 1]
    for number in handles["scene_1"]:
        mugs = (truth.frame == f"Real/train/scene_1/{number:04d}") & (truth.category == 6)
        expected = int(truth.handle_visible[mugs].any())
        assert handles["scene_1_res"][number] == expected


def test_interrupted_run_continues_to_the_same_bytes(tree: Path, tmp_path: Path) -> None:
    """The interrupted run had one process, the one that finishes it has two."""
    out = tmp_path / "tree"
    options = TreeOptions(plan=PLAN, seed=5)

    @contextmanager
    def interrupt(_stage: str, total: int, _unit: str) -> Iterator[Callable[[int], None]]:
        assert total == PLAN_FRAMES

        def stop(_count: int) -> None:
            raise KeyboardInterrupt

        yield stop

    with pytest.raises(KeyboardInterrupt):
        synthesize(out, options, show=interrupt)
    assert not out.exists()
    assert synthesize(out, options, workers=2)
    assert digest(out) == digest(tree)
    assert [path.name for path in tmp_path.iterdir()] == ["tree"]


def test_finished_tree_is_recognised_and_others_are_refused(tree: Path, tmp_path: Path) -> None:
    options = TreeOptions(plan=PLAN, seed=5)
    assert not synthesize(tree, options)
    with pytest.raises(ConfigError, match="another size, seed"):
        synthesize(tree, TreeOptions(plan=PLAN, seed=6))
    foreign = tmp_path / "thesis"
    foreign.mkdir()
    (foreign / "chapter.tex").touch()
    with pytest.raises(ConfigError, match="not a synth6 tree"):
        synthesize(foreign, options)
    assert [path.name for path in foreign.iterdir()] == ["chapter.tex"]


def test_real_meshes_are_shown_in_val_and_test_alone(tmp_path: Path) -> None:
    x, y, z = 0.02, 0.05, 0.03
    corners = np.array([[i, j, k] for i in (-x, x) for j in (-y, y) for k in (-z, z)])
    faces = [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1]]
    faces += [[2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]]
    for name in ("a", "b", "c"):
        write_obj(tmp_path / "meshes" / "can" / f"{name}.obj", corners + 1.0, np.array(faces))
    parts = {part.name: PartPlan(scenes=1, frames=1, models=2) for part in PARTS}
    options = TreeOptions(plan=TreePlan(parts=parts), meshes=tmp_path / "meshes")
    synthesize(tmp_path / "out", options)
    frames = list_frames(tmp_path / "out")
    assert {frame.part.name for frame in frames} == {"CAMERA/val", "Real/test"}
    found = read_truth(tmp_path / "out" / TRUTH_FILE)
    assert set(found.category) == {4}
    assert set(found.model) <= {f"can_{n}{end}" for n in "abc" for end in ("", "_norm")}
    assert CAMERA_INTRINSICS.width == read_depth(frames[0].get_path("depth.png")).shape[1]


def test_meshes_in_millimetres_are_refused(tmp_path: Path) -> None:
    write_obj(tmp_path / "mug" / "m.obj", 100.0 * np.eye(3), np.array([[0, 1, 2]]))
    options = TreeOptions(plan=PLAN, meshes=tmp_path)
    with pytest.raises(DataFormatError, match="metres"):
        synthesize(tmp_path / "out", options)
    with pytest.raises(DataFormatError, match="expected meshes <category>/"):
        synthesize(tmp_path / "out", TreeOptions(plan=PLAN, meshes=tmp_path / "mug"))
