"""The depth sensor: size of its noise, holes, edges, steps, and determinism."""

import numpy as np
import pytest

from preprocess.synthetic.sensor import SensorModel, quantise_depth, simulate_depth

SHAPE = (160, 200)


def measure(
    depth: np.ndarray | float, *, cosine: float = 1.0, luma: float = 150.0, seed: int = 0
) -> np.ndarray:
    image = np.broadcast_to(np.asarray(depth, dtype=np.float32), SHAPE)
    rng = np.random.default_rng(seed)
    return simulate_depth(image, np.full(SHAPE, cosine), np.full(SHAPE, luma), rng)


@pytest.mark.parametrize(("distance", "low", "high"), [(0.7, 1.0, 1.6), (1.2, 2.6, 4.2)])
def test_noise_is_unbiased_and_grows_with_the_square(
    distance: float, low: float, high: float
) -> None:
    measured = measure(distance).astype(float)
    assert measured.mean() == pytest.approx(1000 * distance, abs=0.25)
    assert low < measured.std() < high


def test_noise_of_neighbours_is_correlated_and_that_of_distant_pixels_is_not() -> None:
    noise = measure(1.0).astype(float) - 1000
    near = np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1]
    far = np.corrcoef(noise[:, 20:].ravel(), noise[:, :-20].ravel())[0, 1]
    assert 0.15 < near < 0.5
    assert abs(far) < 0.05


def test_bright_frontal_surfaces_have_no_holes() -> None:
    assert (measure(0.8) > 0).all()


def test_holes_grow_as_surfaces_darken_and_slant() -> None:
    dark = [np.mean(measure(0.8, luma=luma) == 0) for luma in (60, 40, 15)]
    slanted = [np.mean(measure(0.8, cosine=cosine) == 0) for cosine in (0.3, 0.2, 0.1, 0.05)]
    assert dark[0] == 0
    assert 0.05 < dark[1] < dark[2] < 0.5
    assert slanted[0] == 0
    assert 0.1 < slanted[1] < slanted[2] < slanted[3] == 1


def test_edges_wobble_fly_and_lose_pixels() -> None:
    step = np.full(SHAPE, 0.6)
    step[:, 100:] = 1.0
    measured = measure(step).astype(int)
    near, far = abs(measured - 600) < 15, abs(measured - 1000) < 25
    holes, flying = measured == 0, ~near & ~far & (measured > 0)
    columns = np.flatnonzero((holes | flying).any(axis=0))
    assert 95 <= columns.min() <= columns.max() <= 104
    assert 0.1 < holes[:, 99:101].mean() < 0.6
    assert flying.sum() > 20
    assert ((measured[flying] > 580) & (measured[flying] < 1030)).all()
    assert far[:, 96:100].any() or near[:, 100:104].any()


@pytest.mark.parametrize("axis", [0, 1])
def test_edges_wobble_along_both_axes(axis: int) -> None:
    wobbling = SensorModel(axial_noise=0, edge_hole_share=0, flying_share=0)
    step = np.where(np.arange(SHAPE[axis]) < 80, 0.6, 0.9)
    depth = np.broadcast_to(step if axis else step[:, None], SHAPE)
    rng = np.random.default_rng(0)
    measured = simulate_depth(depth, np.ones(SHAPE), np.full(SHAPE, 200.0), rng, wobbling)
    near_pixels = (measured < 750).sum(axis=axis)
    assert near_pixels.mean() == pytest.approx(80, abs=0.3)
    assert 0.3 < near_pixels.std() < 1.0


def test_nothing_is_measured_where_nothing_is() -> None:
    empty = np.full(SHAPE, np.inf)
    empty[:80] = 0
    assert (measure(empty) == 0).all()


def test_steps_widen_with_distance() -> None:
    assert np.unique(np.diff(np.unique(measure(0.8)))).min() == 1
    assert (measure(1.5) % 3 == 0).all()


def test_same_seed_same_image_and_other_seed_another() -> None:
    np.testing.assert_array_equal(measure(0.9), measure(0.9))
    assert (measure(0.9) != measure(0.9, seed=1)).mean() > 0.5


def test_constants_reach_the_kernels() -> None:
    silent = SensorModel(axial_noise=0, lateral_noise=0, edge_hole_share=0, flying_share=0)
    depth = np.linspace(0.5, 0.9, SHAPE[0] * SHAPE[1], dtype=np.float32).reshape(SHAPE)
    measured = simulate_depth(
        depth, np.ones(SHAPE), np.full(SHAPE, 200.0), np.random.default_rng(0), silent
    )
    np.testing.assert_array_equal(measured, quantise_depth(depth))


def test_the_clean_camera_only_rounds_to_millimetres() -> None:
    depth = np.array([[0.0, np.inf, 0.7004, 1.2346]])
    np.testing.assert_array_equal(quantise_depth(depth), [[0, 0, 700, 1235]])
