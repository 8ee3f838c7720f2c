"""Where tracking starts: around the pose before, as far as it is told."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.diffusion.estimator import GenPose, draw_noise
from benchmark.diffusion.pose_vector import from_pose_vector, to_pose_vector
from benchmark.diffusion.presets import PRESETS, Preset
from benchmark.diffusion.warm_start import WARM_STARTS, TrackingDefaults, get_warm_time
from benchmark.errors import ConfigError, UnknownNameError
from benchmark.estimator import EstimatorOptions, Observations, PoseEstimate
from benchmark.geometry.rotations import rotation_about_axis

DEFAULTS = TrackingDefaults(sampler="euler", steps=2, sigma=0.2)
CENTRE = torch.tensor([0.1, 0.0, 0.8])


class Still:
    """A model whose denoised pose is the noisy one, so that sampling leaves the start alone."""

    def encode(self, _points: Tensor) -> None:
        """Keep nothing."""

    def denoise(self, _features: None, poses: Tensor, _sigma: Tensor) -> Tensor:
        """Return the poses themselves."""
        return poses

    def compute_energies(self, _features: None, poses: Tensor) -> Tensor:
        """Rank nothing."""
        return torch.zeros(*poses.shape[:2], 2)

    def normalise_poses(self, _features: None, rotation: Tensor, translation: Tensor) -> Tensor:
        """Return pose vectors relative to a fixed centre."""
        return to_pose_vector(rotation, translation - CENTRE)

    def restore_poses(self, _features: None, poses: Tensor) -> tuple[Tensor, Tensor]:
        """Undo `normalise_poses`."""
        rotation, offset = from_pose_vector(poses)
        return rotation, offset + CENTRE


def _build(tracking: bool = True, preset: Preset = PRESETS["compact"], **extra: Any) -> GenPose:
    options = EstimatorOptions(
        hypotheses=64, keep=1.0, device="cpu", tracking=tracking, extra={"sampler": "euler"} | extra
    )
    return GenPose(Still(), preset, options, {})  # type: ignore[arg-type]


def _observe(count: int) -> Observations:
    return Observations(
        points=np.zeros((count, 8, 3), np.float32),
        category=np.ones(count, np.uint8),
        seeds=np.arange(count, dtype=np.uint64),
        intrinsics=np.ones((count, 4)),
    )


def _make_previous() -> PoseEstimate:
    turns = rotation_about_axis(np.array([0.0, 1.0, 0.2]), np.array([0.3, 2.0]))
    return PoseEstimate(rotation=turns, translation=np.array([[0.1, 0.2, 0.9], [0.0, -0.1, 0.7]]))


def test_hypotheses_are_noise_around_the_pose_before() -> None:
    """With a denoiser that changes nothing, what comes out is what sampling started from."""
    tracker, previous = _build(warm_start="released"), _make_previous()
    hypotheses = tracker.track(_observe(2), previous).hypotheses
    assert hypotheses is not None
    noise = draw_noise(np.arange(2, dtype=np.uint64), 64)[..., 6:].numpy()
    sigma = tracker.describe()["sigma_max"]
    np.testing.assert_allclose(
        hypotheses.translation, previous.translation[:, None] + sigma * noise, atol=1e-5
    )
    mean = hypotheses.rotation.mean(axis=1)
    np.testing.assert_allclose(mean, previous.rotation, atol=0.03)


@pytest.mark.parametrize(
    ("name", "sigma"), [("released", 0.0359), ("text", 0.0234), ("algorithm", 0.1)]
)
@pytest.mark.parametrize("preset", list(PRESETS))
def test_the_three_published_starts(preset: str, name: str, sigma: float) -> None:
    described = _build(preset=PRESETS[preset], warm_start=name).describe()["tracking"]
    assert described["sigma"] == pytest.approx(sigma, rel=2e-3)
    assert described["t0"] == pytest.approx(WARM_STARTS[name], abs=1e-4)


def test_paper_starts_where_the_released_code_does() -> None:
    described = _build(preset=PRESETS["paper"]).describe()
    assert described["tracking"]["t0"] == pytest.approx(0.15)


def test_a_time_may_be_given_instead() -> None:
    assert get_warm_time(DEFAULTS, None, 0.3) == 0.3
    assert get_warm_time(DEFAULTS, "text", None) == 0.1


def test_contradictions_and_unknown_names_are_refused() -> None:
    with pytest.raises(ConfigError, match="contradict"):
        get_warm_time(DEFAULTS, "text", 0.3)
    with pytest.raises(UnknownNameError, match="did you mean 'released'"):
        get_warm_time(DEFAULTS, "releasd", None)
    with pytest.raises(ConfigError, match="--track"):
        _build(tracking=False, warm_start="text")


def test_only_a_tracker_speaks_of_tracking() -> None:
    assert "tracking" not in _build(tracking=False).describe()
