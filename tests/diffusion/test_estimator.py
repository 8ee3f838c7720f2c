"""GenPose with its shipped weights: poses do not depend on what shares a batch or its threads."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.diffusion.estimator import GenPose
from benchmark.diffusion.samplers import SAMPLERS
from benchmark.estimator import EstimatorOptions, Observations

COUNT = 5


def load(*, tracking: bool = False, **extra: Any) -> GenPose:
    options = EstimatorOptions(hypotheses=6, device="cpu", tracking=tracking, extra=extra)
    return GenPose.load(options)


def make_observations() -> Observations:
    rng = np.random.default_rng(0)
    points = rng.normal([0.1, 0.0, 0.8], [0.05, 0.04, 0.03], (COUNT, 1024, 3))
    return Observations(
        points=points.astype(np.float32),
        category=np.ones(COUNT, dtype=np.uint8),
        seeds=np.arange(COUNT, dtype=np.uint64),
        intrinsics=np.ones((COUNT, 4)),
    )


@pytest.mark.parametrize("tracking", [False, True])
def test_threads_change_no_pose(tracking: bool, set_threads: Callable[[int], None]) -> None:
    estimator, observations = load(tracking=tracking), make_observations()
    found = []
    for threads in (1, 2, 3):
        set_threads(threads)
        estimate = estimator.estimate(observations)
        if tracking:
            estimate = estimator.track(observations, estimate)
        found.append(estimate)
    alone = found[0]
    assert alone.hypotheses is not None
    assert alone.hypotheses.energies is not None
    for shared in found[1:]:
        assert shared.hypotheses is not None
        np.testing.assert_allclose(shared.rotation, alone.rotation, atol=1e-4)
        np.testing.assert_allclose(shared.translation, alone.translation, atol=1e-5)
        np.testing.assert_allclose(shared.hypotheses.rotation, alone.hypotheses.rotation, atol=1e-4)
        np.testing.assert_allclose(
            shared.hypotheses.energies, alone.hypotheses.energies, rtol=1e-3, atol=1e-3
        )


@pytest.mark.parametrize(("sampler", "parts"), [("heun", [2, 3]), ("rk45-official", [5])])
def test_a_batch_is_split_unless_the_sampler_looks_at_all_of_it(
    sampler: str,
    parts: list[int],
    set_threads: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes = []

    def sample(_denoise: Any, poses: torch.Tensor, _sigmas: torch.Tensor) -> torch.Tensor:
        sizes.append(len(poses))
        return poses

    monkeypatch.setitem(SAMPLERS, sampler, sample)
    set_threads(2)
    estimate = load(sampler=sampler).estimate(make_observations())
    assert len(estimate.rotation) == COUNT
    assert sorted(sizes) == parts
