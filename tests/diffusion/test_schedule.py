"""The noise schedule: end points, inverse, and the diffusion coefficient as a derivative."""

import math

import pytest
import torch

from benchmark.diffusion.schedule import VarianceExploding

SCHEDULE = VarianceExploding()


def test_the_noise_runs_from_sigma_min_to_sigma_max() -> None:
    assert SCHEDULE.sigma(0.0) == pytest.approx(SCHEDULE.sigma_min)
    assert SCHEDULE.sigma(1.0) == pytest.approx(SCHEDULE.sigma_max)


def test_time_inverts_sigma_for_numbers_and_tensors() -> None:
    t = torch.linspace(0, 1, 11, dtype=torch.float64)
    torch.testing.assert_close(SCHEDULE.time(SCHEDULE.sigma(t)), t, atol=1e-14, rtol=0)
    assert SCHEDULE.time(SCHEDULE.sigma(0.55)) == pytest.approx(0.55, abs=1e-14)


def test_the_squared_diffusion_coefficient_is_the_growth_of_the_variance() -> None:
    t, step = 0.4, 1e-6
    growth = (SCHEDULE.sigma(t + step) ** 2 - SCHEDULE.sigma(t - step) ** 2) / (2 * step)
    assert SCHEDULE.diffusion(t) ** 2 == pytest.approx(growth, rel=1e-8)


def test_a_tensor_keeps_its_precision() -> None:
    assert SCHEDULE.diffusion(torch.tensor([0.5])).dtype == torch.float32
    assert math.isclose(SCHEDULE.sigma(torch.tensor(0.5)).item(), SCHEDULE.sigma(0.5), rel_tol=1e-6)
