"""Training objects: rendering against ray casting, ground truth, and shards that come out alike."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.categories import REAL_INTRINSICS
from benchmark.records import compute_rotation, compute_scale
from benchmark.shards import read_shard
from preprocess.mugs import compute_mug_recentring
from preprocess.synthetic import training_shards
from preprocess.synthetic.arrangements import Arrangement, compute_turn_to, sample_arrangement
from preprocess.synthetic.models import MODEL_SPLITS, ObjectModel, make_model
from preprocess.synthetic.objects import compute_ground_truth
from preprocess.synthetic.regions import Backdrop, prepare_drawing, render_region
from preprocess.synthetic.training_shards import write_training_shards


def arrange(seed: int, category: int = 6) -> tuple[Arrangement, list[ObjectModel]]:
    models = [make_model(category, "real_train", seed, 0)]

    def draw(rng: np.random.Generator) -> ObjectModel:
        models.append(make_model(int(rng.integers(7)), "real_train", seed, 0))
        return models[-1]

    rng = np.random.default_rng(seed)
    return sample_arrangement(models[0], draw, "real", REAL_INTRINSICS, rng), models


@pytest.mark.parametrize("seed", range(6))
def test_regions_agree_with_ray_casting(seed: int) -> None:
    open3d = pytest.importorskip("open3d")
    arrangement, models = arrange(seed, category=seed + 1)
    region = render_region(
        arrangement,
        [prepare_drawing(model) for model in models],
        Backdrop(reach=0.5, wall=3.0, luma=100.0),
        REAL_INTRINSICS,
    )
    assert region is not None
    scene = open3d.t.geometry.RaycastingScene(nthreads=1)
    for placement in arrangement.placements:
        pose = arrangement.view.transform(placement.rotation, placement.translation)
        seen = placement.model.vertices @ pose[:3, :3].T + pose[:3, 3]
        scene.add_triangles(seen.astype(np.float32), placement.model.faces.astype(np.uint32))
    k, box = REAL_INTRINSICS, region.box
    v, u = np.mgrid[box.y1 : box.y2, box.x1 : box.x2]
    rays = np.zeros((*u.shape, 6), dtype=np.float32)
    rays[..., 3:] = np.stack([(u - k.cx) / k.fx, (v - k.cy) / k.fy, np.ones(u.shape)], axis=-1)
    hits = {name: value.numpy() for name, value in scene.cast_rays(rays, nthreads=1).items()}
    on_object = region.owner >= 0
    owner = np.where(np.isfinite(hits["t_hit"]), hits["geometry_ids"].astype(int), -1)
    assert (owner == region.owner).mean() > 0.995
    both = on_object & (owner == region.owner)
    assert np.percentile(abs(region.depth - hits["t_hit"])[both], 99.5) < 1e-4
    length = np.linalg.norm(rays[..., 3:], axis=-1)
    cosine = abs((hits["primitive_normals"] * rays[..., 3:]).sum(axis=-1)) / length
    assert np.percentile(abs(region.incidence - cosine)[both], 98) < 1e-3


def test_the_support_is_the_plane_below_the_object() -> None:
    arrangement, models = arrange(0, category=1)
    backdrop = Backdrop(reach=10.0, wall=99.0, luma=100.0)
    drawables = [prepare_drawing(model) for model in models]
    region = render_region(arrangement, drawables, backdrop, REAL_INTRINSICS)
    assert region is not None
    support = (region.owner < 0) & (region.depth < 90)
    assert support.any()
    v, u = np.nonzero(support)
    k, z = REAL_INTRINSICS, region.depth[support].astype(float)
    rays = [(u + region.box.x1 - k.cx) / k.fx, (v + region.box.y1 - k.cy) / k.fy, np.ones(len(z))]
    view = arrangement.view
    world = (np.stack(rays) * z).T @ view.rotation + view.position
    np.testing.assert_allclose(world[:, 1], 0, atol=1e-5)


def test_objects_rest_on_the_plane_without_touching_the_target() -> None:
    for seed in range(10):
        placements = arrange(seed)[0].placements
        for placement in placements:
            heights = placement.model.vertices @ placement.rotation[1] + placement.translation[1]
            assert heights.min() == pytest.approx(0, abs=1e-12)
        target = placements[0].model.vertices @ placements[0].rotation.T
        for placement in placements[1:]:
            away = placement.translation * [1, 0, 1] / np.linalg.norm(placement.translation[[0, 2]])
            near = (placement.model.vertices @ placement.rotation.T + placement.translation) @ away
            assert near.min() >= (target @ away).max() - 1e-9


def test_turn_to_takes_the_optical_axis_there() -> None:
    turn = compute_turn_to(np.array([0.3, -0.2, 1.0]))
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    expected = np.array([0.3, -0.2, 1.0]) / np.linalg.norm([0.3, -0.2, 1.0])
    np.testing.assert_allclose(turn[:, 2], expected, atol=1e-12)


def test_mug_ground_truth_is_spds_recentring_of_the_box_centred_pose() -> None:
    arrangement, models = arrange(4)
    target = arrangement.placements[0]
    pose = arrangement.view.transform(target.rotation, target.translation)
    diagonal = np.linalg.norm(models[0].extents)
    shift, scale = compute_mug_recentring(models[0].vertices, models[0].faces)
    transform, extents = compute_ground_truth(arrangement)
    np.testing.assert_allclose(
        transform[:3, 3], pose[:3, 3] - diagonal * pose[:3, :3] @ shift, atol=1e-12
    )
    assert compute_scale(transform) == pytest.approx(diagonal / scale)
    assert np.linalg.norm(extents) == pytest.approx(1)


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_shards, "OBJECTS_PER_SHARD", 30)


@pytest.mark.parametrize("source", ["camera", "real"])
@pytest.mark.usefixtures("small_shards")
def test_shards_hold_what_they_say(tmp_path: Path, source: training_shards.Source) -> None:
    paths = write_training_shards(
        tmp_path, count=42, instances_per_category=4, seed=1, source=source
    )
    assert [path.name for path in paths] == [f"train-{source}-0000{n}.h5" for n in (0, 1)]
    shards = [read_shard(path) for path in paths]
    assert [len(shard.objects) for shard in shards] == [30, 12]
    shard = shards[0]
    truth = shard.ground_truth
    assert shard.info.dataset == "synth6"
    assert shard.info.label_set == "synth6-1/mug-body-axis"
    assert np.bincount(truth.category, minlength=7).tolist() == [0, 5, 5, 5, 5, 5, 5]
    assert (truth.handle_visible[truth.category != 6] == 1).all()
    names = [str(name) for name in truth.instance]
    assert all(f"_{source}_train_" in name for name in names)
    scales = compute_scale(truth.transform)
    local = shard.objects.points - truth.transform[:, None, :3, 3]
    local = np.einsum("nji,npj->npi", compute_rotation(truth.transform), local)
    half = (scales[:, None] * truth.extents / 2)[:, None] + 0.01
    inside = (abs(local) < half).all(axis=-1).mean(axis=1)
    assert np.median(inside) > 0.97
    assert shard.objects.valid_pixels.min() >= 64
    assert truth.visible_pixels.min() >= 64


@pytest.mark.usefixtures("small_shards")
def test_bytes_depend_neither_on_workers_nor_on_what_was_made_before(tmp_path: Path) -> None:
    options = {"instances_per_category": 3, "seed": 2, "source": "real"}
    both = write_training_shards(tmp_path / "both", count=60, workers=2, **options)
    task = training_shards.ShardTask(
        out=tmp_path / "alone", number=1, objects=30, split="train", **options
    )
    alone = training_shards.write_training_shard(task)
    assert alone.read_bytes() == both[1].read_bytes()


@pytest.mark.usefixtures("small_shards")
def test_no_object_comes_twice(tmp_path: Path) -> None:
    paths = [
        path
        for source in ("camera", "real")
        for path in write_training_shards(
            tmp_path, count=60, instances_per_category=1, seed=3, source=source
        )
    ]
    transforms = np.concatenate([read_shard(path).ground_truth.transform for path in paths])
    assert len(np.unique(transforms.reshape(len(transforms), -1), axis=0)) == 120


@pytest.mark.usefixtures("small_shards")
def test_whole_shards_are_kept_and_damaged_or_other_ones_made_again(tmp_path: Path) -> None:
    options = {"count": 30, "instances_per_category": 3, "source": "camera"}
    (path,) = write_training_shards(tmp_path, seed=5, **options)
    content, written = path.read_bytes(), path.stat().st_mtime_ns
    write_training_shards(tmp_path, seed=5, **options)
    assert path.stat().st_mtime_ns == written
    path.write_bytes(content[:1000])
    write_training_shards(tmp_path, seed=5, **options)
    assert path.read_bytes() == content
    write_training_shards(tmp_path, seed=6, **options)
    assert path.read_bytes() != content


def test_instances_of_a_population_all_get_used() -> None:
    used: set[int] = set()
    for number in range(5):
        task = training_shards.ShardTask(
            out=Path(),
            number=number,
            objects=6,
            instances_per_category=300,
            seed=0,
            source="real",
            split="train",
        )
        used.update(training_shards._choose_catalogue(task).indices)
    assert used == set(range(300))
    assert len(MODEL_SPLITS) == 4
