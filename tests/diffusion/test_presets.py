"""How the presets sample by default, and which noise levels they visit."""

from typing import Any

import pytest
import torch

from benchmark.diffusion.compact import SIGMA_MAX, SIGMA_MIN
from benchmark.diffusion.estimator import GenPose
from benchmark.diffusion.presets import PRESETS, Preset
from benchmark.diffusion.samplers import ADAPTIVE, SAMPLERS
from benchmark.errors import ConfigError, UnknownNameError
from benchmark.estimator import EstimatorOptions

COMPACT = PRESETS["compact"]


def describe(preset: Preset = COMPACT, **extra: Any) -> dict[str, Any]:
    """Return the resolved options of an estimator without networks."""
    options = EstimatorOptions(hypotheses=5, keep=0.6, device="cpu", tracking=False, extra=extra)
    return GenPose(None, preset, options, {}).describe()  # type: ignore[arg-type]


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
@pytest.mark.parametrize("steps", range(2, 14))
def test_levels_fall_from_the_start_to_nothing_one_for_each_step(preset: Any, steps: int) -> None:
    start = preset.get_start_sigma(None)
    sigmas = preset.make_sigmas(steps, start)
    assert len(sigmas) == steps + 1
    assert (sigmas[:-1] > sigmas[1:]).all()
    assert float(sigmas[0]) == pytest.approx(start)
    assert sigmas[-1] == 0


def test_few_steps_from_noise_alone_leave_the_smallest_levels_out() -> None:
    few, many = (COMPACT.make_sigmas(steps, SIGMA_MAX) for steps in (COMPACT.steps, 12))
    assert few[-2] > 10 * SIGMA_MIN
    assert float(many[-2]) == pytest.approx(SIGMA_MIN)


@pytest.mark.parametrize("start", [0.3, COMPACT.tracking.sigma])
def test_few_steps_from_near_a_pose_visit_every_level(start: float) -> None:
    sigmas = COMPACT.make_sigmas(COMPACT.steps, start)
    assert float(sigmas[-2]) == pytest.approx(SIGMA_MIN)


@pytest.mark.parametrize(("preset", "count"), [("compact", 3), ("paper", 5)])
def test_the_default_calls_the_network_a_few_times(preset: str, count: int) -> None:
    rules, calls = PRESETS[preset], []

    def denoise(poses: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        calls.append(sigma)
        return poses

    sigmas = rules.make_sigmas(rules.steps, rules.get_start_sigma(None))
    SAMPLERS[rules.sampler](denoise, torch.zeros(1, 1, 9), sigmas)
    assert len(calls) == count


def test_a_sampler_that_is_not_the_default_one_takes_steps_enough_for_any() -> None:
    assert describe()["steps"] == COMPACT.steps
    assert describe(sampler="heun")["steps"] == 12
    assert describe(sampler="heun", steps=5)["steps"] == 5


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
@pytest.mark.parametrize("sampler", sorted(ADAPTIVE))
def test_a_sampler_with_steps_of_its_own_ends_at_the_smallest_noise_and_takes_no_number(
    preset: Preset, sampler: str
) -> None:
    steps = describe(preset, sampler=sampler)["steps"]
    sigmas = preset.make_sigmas(steps, preset.get_start_sigma(None))
    assert float(sigmas[-2]) == pytest.approx(preset.noise_range[0])
    with pytest.raises(ConfigError, match=f"--steps 3: {sampler} chooses its own"):
        describe(preset, sampler=sampler, steps=3)


def test_an_unknown_sampler_is_named_with_the_nearest_one() -> None:
    with pytest.raises(UnknownNameError, match="heun"):
        describe(sampler="huen")
