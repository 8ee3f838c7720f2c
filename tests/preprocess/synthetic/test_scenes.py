"""Scenes: nothing floats or interpenetrates, cameras stay above the table, renders are exact."""

from itertools import combinations, pairwise

import cv2
import numpy as np
import open3d
import pytest

from benchmark.categories import REAL_INTRINSICS, Intrinsics
from preprocess.synthetic.models import make_model
from preprocess.synthetic.plans import draw_casts
from preprocess.synthetic.render import BACKGROUND, Rendering, SceneRenderer
from preprocess.synthetic.scenes import (
    Scene,
    compute_world_vertices,
    do_outlines_overlap,
    make_scene,
)
from preprocess.synthetic.views import sample_camera_path

SMALL = Intrinsics(fx=150.0, fy=150.0, cx=79.5, cy=59.5, width=160, height=120)


def make_example(seed: int) -> Scene:
    rng = np.random.default_rng(seed)
    categories = [0, *(rng.permutation(6)[:5] + 1), 5]
    models = [make_model(int(c), "real_test", int(rng.integers(9)), seed) for c in categories]
    return make_scene(models, rng)


@pytest.fixture(scope="module")
def example() -> tuple[Scene, SceneRenderer, Rendering]:
    scene = make_example(3)
    renderer = SceneRenderer(scene)
    return scene, renderer, renderer.render(scene.path.view(0), REAL_INTRINSICS)


@pytest.mark.parametrize("seed", range(4))
def test_objects_stand_on_the_table_without_penetrating_each_other(seed: int) -> None:
    scene = make_example(seed)
    covered = []
    for item in scene.objects:
        vertices = compute_world_vertices(item)
        assert vertices[:, 1].min() == pytest.approx(0.0, abs=1e-9)
        outline = cv2.convexHull(np.rint(1000 * vertices[:, [0, 2]]).astype(np.int32)) + 1000
        covered.append(cv2.fillConvexPoly(np.zeros((2000, 2000), np.uint8), outline, 1))
    assert all(np.count_nonzero(a & b) == 0 for a, b in combinations(covered, 2))


def test_overlap_of_convex_outlines() -> None:
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    diamond = np.array([[0, -0.5], [0.5, 0], [0, 0.5], [-0.5, 0]], float)
    assert do_outlines_overlap(square, square + 0.9)
    assert do_outlines_overlap(square, 0.1 * square + 0.4)  # one inside the other
    assert not do_outlines_overlap(square, square + np.array([1.01, 0.0]))
    assert do_outlines_overlap(square, diamond + 1.2)
    assert not do_outlines_overlap(square, diamond + 1.3)  # their boxes do overlap


def test_cameras_stay_above_the_table_and_move_smoothly() -> None:
    for seed in range(10):
        path = sample_camera_path(0.1 + 0.03 * seed, np.random.default_rng(seed))
        for before, after in pairwise(path.view(number) for number in range(100)):
            assert after.position[1] > 0.1
            assert 0.001 < np.linalg.norm(after.position - before.position) < 0.06
            cosine = (np.trace(before.rotation @ after.rotation.T) - 1) / 2
            assert np.degrees(np.arccos(np.clip(cosine, -1, 1))) < 4.0
            np.testing.assert_allclose(after.rotation @ after.rotation.T, np.eye(3), atol=1e-12)
            assert np.linalg.det(after.rotation) > 0


def test_depth_agrees_with_ray_casting(
    example: tuple[Scene, SceneRenderer, Rendering],
) -> None:
    scene, _, rendering = example
    view = scene.path.view(0)
    caster = open3d.t.geometry.RaycastingScene(nthreads=1)
    for item in scene.objects:
        caster.add_triangles(
            open3d.core.Tensor.from_numpy(compute_world_vertices(item).astype(np.float32)),
            open3d.core.Tensor.from_numpy(item.model.faces.astype(np.uint32)),
        )
    rows, columns = np.mgrid[0 : REAL_INTRINSICS.height : 3, 0 : REAL_INTRINSICS.width : 3]
    directions = np.stack(
        [
            (columns - REAL_INTRINSICS.cx) / REAL_INTRINSICS.fx,
            (rows - REAL_INTRINSICS.cy) / REAL_INTRINSICS.fy,
            np.ones(rows.shape),
        ],
        axis=-1,
    )
    rays = np.concatenate(
        [np.broadcast_to(view.position, directions.shape), directions @ view.rotation], axis=-1
    )
    hit = caster.cast_rays(open3d.core.Tensor.from_numpy(rays.astype(np.float32)), nthreads=1)
    expected, owner = hit["t_hit"].numpy(), hit["geometry_ids"].numpy()
    instance, depth = rendering.instance[::3, ::3], rendering.depth[::3, ::3]
    same = np.where(np.isfinite(expected), owner + 1 == instance, instance == BACKGROUND)
    assert same.mean() > 0.999  # a ray along an edge may go either way
    inside = same & np.isfinite(expected)
    np.testing.assert_allclose(depth[inside], expected[inside], atol=1e-4)


def test_table_depth_is_that_of_its_plane(example: tuple[Scene, SceneRenderer, Rendering]) -> None:
    scene, _, rendering = example
    view = scene.path.view(0)
    rows, columns = np.nonzero(rendering.instance == BACKGROUND)
    depth = rendering.depth[rows, columns].astype(float)
    in_camera = np.stack(
        [
            (columns - REAL_INTRINSICS.cx) / REAL_INTRINSICS.fx * depth,
            (rows - REAL_INTRINSICS.cy) / REAL_INTRINSICS.fy * depth,
            depth,
        ],
        axis=1,
    )
    world = in_camera @ view.rotation + view.position
    around = scene.surroundings
    on_table = np.abs(world[:, 1]) < 1e-3
    on_floor = np.abs(world[:, 1] - around.floor) < 1e-3
    on_wall = np.abs(np.abs(world[:, [0, 2]]).max(axis=1) - around.wall) < 1e-3
    assert (on_table | on_floor | on_wall).all()
    assert on_table.mean() > 0.2
    assert (np.abs(world[on_table][:, [0, 2]]) <= around.table_half + 1e-3).all()


def test_visible_fraction_counts_what_others_hide() -> None:
    scene = make_example(5)
    renderer = SceneRenderer(scene)
    view = scene.path.view(0)
    instance = renderer.render(view, SMALL).instance
    fractions = renderer.compute_visible_fractions(view, SMALL, instance)
    for index, item in enumerate(scene.objects):
        alone = SceneRenderer(
            Scene(objects=(item,), surroundings=scene.surroundings, path=scene.path)
        )
        unhidden = np.count_nonzero(alone.render(view, SMALL).instance == 1)
        seen = np.count_nonzero(instance == index + 1)
        assert fractions[index] == pytest.approx(seen / unhidden)
    assert fractions.min() < 0.9 < fractions.max()


def test_casts_show_every_category_and_model_equally_often() -> None:
    casts = draw_casts(120, dict.fromkeys(range(1, 7), 12), np.random.default_rng(0))
    keys = [key for cast in casts for key in cast if key[0]]
    categories = np.bincount([category for category, _ in keys], minlength=7)[1:]
    assert categories.max() - categories.min() <= 3
    counts = np.unique(keys, axis=0, return_counts=True)[1]
    assert len(counts) == 72
    assert counts.max() <= counts.min() + 3
    sizes = [sum(category > 0 for category, _ in cast) for cast in casts]
    assert set(sizes) == {3, 4, 5, 6, 7}
    assert all(len(set(cast)) == len(cast) for cast in casts)
    assert any(category == 0 for cast in casts for category, _ in cast)


def test_real_training_scenes_have_at_most_one_mug() -> None:
    models = dict.fromkeys(range(1, 7), 3)
    casts = draw_casts(60, models, np.random.default_rng(0), one_mug=True)
    mugs = [sum(category == 6 for category, _ in cast) for cast in casts]
    assert set(mugs) == {0, 1}
