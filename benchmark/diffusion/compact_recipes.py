"""How the two networks of the `compact` preset are trained."""

import math
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from benchmark.categories import get_category
from benchmark.diffusion.compact import (
    SIGMA_MAX,
    SIGMA_MIN,
    CompactEnergy,
    CompactModel,
    CompactScore,
    GroupedClouds,
    compute_denoising_loss,
)
from benchmark.diffusion.fitting import Plan
from benchmark.diffusion.pose_vector import POSE_SIZE
from benchmark.diffusion.samplers.grids import karras_sigmas
from benchmark.diffusion.validation import measure_accuracy
from benchmark.training.clouds import CloudBatch
from benchmark.training.loop import Prepared, Recipe
from benchmark.training.view_augmentation import jitter_depth, mirror_views, occlude_views

_CAMERA = get_category("camera").id

COMPACT_DEPARTURES = (
    "a denoiser with Karras' preconditioning instead of a raw score divided by sigma",
    "translation in decimetres relative to the cloud's mean; noise from 0.003 to 3",
    "clouds are turned so that the line of sight is z, besides being centred",
    "a patch encoder with self-attention instead of PointNet++",
    "one residual head instead of three; LayerNorm instead of BatchNorm",
    "the energy is -|p - D(p)|^2 / (2 sigma^2) on the score's frozen encoder instead of <p, s>",
    "60 % of the training clouds are noisy ones instead of 25 %",
    "mirrored, partly hidden and noisier views as augmentation",
)


def augment_clouds(clouds: CloudBatch, rng: np.random.Generator) -> CloudBatch:
    """Return other valid views: mirrored, partly hidden, noisier, and of scaled objects."""
    batch = len(clouds.points)
    mirrored = (rng.random(batch) < 0.5) & (clouds.category != _CAMERA)
    points, rotation, translation = mirror_views(
        clouds.points, clouds.rotation, clouds.translation, mirrored
    )
    points = occlude_views(points, rng.random(batch) < 0.25, rng)
    deviation = rng.uniform(0, 0.002, batch) * (rng.random(batch) < 0.3)
    points = jitter_depth(points, deviation.astype(np.float32), rng)
    return replace(clouds, points=points, rotation=rotation, translation=translation)


def draw_noise_levels(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Draw training noise: ln sigma ~ N(-1.6, 1.4), kept within what sampling visits."""
    sigma = np.exp(rng.normal(-1.6, 1.4, shape))
    return np.clip(sigma, SIGMA_MIN, 1.6 * SIGMA_MAX).astype(np.float32)


@dataclass(kw_only=True)
class CompactScoreRecipe:
    """Denoising score matching of the pose given the cloud (GenPose eq. 3, preconditioned)."""

    network: CompactScore = field(default_factory=CompactScore)
    batch_size: int = 64
    draws: int = 16
    real_share: float = 0.6
    average_decay: float = 0.999
    peak_rate: float = 1e-3

    def prepare(self, clouds: CloudBatch, rng: np.random.Generator) -> Prepared:
        """Return normalised, grouped clouds with their clean poses, noise levels and noise."""
        clouds = augment_clouds(clouds, rng)
        grouped = GroupedClouds.build(torch.from_numpy(clouds.points))
        clean = grouped.frame.normalise_poses(
            torch.from_numpy(clouds.rotation)[:, None],
            torch.from_numpy(clouds.translation)[:, None],
        )
        shape = (len(clouds.points), self.draws)
        noise = rng.standard_normal((*shape, POSE_SIZE), dtype=np.float32)
        return {
            **grouped.tensors(),
            "clean": clean,
            "sigma": torch.from_numpy(draw_noise_levels(shape, rng)),
            "noise": torch.from_numpy(noise),
        }

    def compute_loss(self, prepared: Prepared) -> Tensor:
        """Return the mean denoising loss over clouds and draws."""
        condition = self.network.encode(GroupedClouds.from_tensors(prepared))
        sigma = prepared["sigma"]
        noisy = prepared["clean"] + sigma[..., None] * prepared["noise"]
        denoised = self.network.denoise(condition, noisy, sigma)
        return compute_denoising_loss(denoised, prepared["clean"], sigma).mean()

    def make_optimiser(self) -> torch.optim.Optimizer:
        """Return AdamW."""
        return torch.optim.AdamW(self.network.parameters(), lr=self.peak_rate, weight_decay=0.01)

    def get_learning_rate(self, step: int, steps: int) -> float:
        """Return the rate: 200 steps of warm-up, then half a cosine down to a hundredth."""
        return compute_cosine_rate(self.peak_rate, step, steps)

    def validate(self, clouds: CloudBatch) -> dict[str, float]:
        """Return accuracies of averaged poses."""
        return _measure(CompactModel(score=self.network), clouds)


@dataclass(kw_only=True)
class CompactEnergyRecipe:
    """Denoising score matching on the energy's gradient (GenPose eq. 6).

    The score model's encoder is frozen and shared, and the energy's head starts from the score's:
    its gradient then already points roughly the right way.
    """

    score: CompactScore
    network: CompactEnergy = field(default_factory=CompactEnergy)
    batch_size: int = 64
    draws: int = 16
    real_share: float = 0.6
    average_decay: float = 0.999
    peak_rate: float = 5e-4

    def __post_init__(self) -> None:
        self.network.head.load_state_dict(self.score.head.state_dict())
        self.score.eval().requires_grad_(False)
        self._score_recipe = CompactScoreRecipe(
            network=self.score, draws=self.draws, real_share=self.real_share
        )

    def prepare(self, clouds: CloudBatch, rng: np.random.Generator) -> Prepared:
        """Return what the score is trained on: the same clouds, noise levels and noise."""
        return self._score_recipe.prepare(clouds, rng)

    def compute_loss(self, prepared: Prepared) -> Tensor:
        """Return the mean denoising loss of the pose that the energy's gradient implies."""
        with torch.no_grad():
            features = self.score.encoder(GroupedClouds.from_tensors(prepared))
        condition = self.network.head.condition(features)
        sigma = prepared["sigma"]
        noisy = prepared["clean"] + sigma[..., None] * prepared["noise"]
        denoised = self.network.denoise(condition, noisy, sigma)
        return compute_denoising_loss(denoised, prepared["clean"], sigma).mean()

    def make_optimiser(self) -> torch.optim.Optimizer:
        """Return AdamW."""
        return torch.optim.AdamW(self.network.parameters(), lr=self.peak_rate, weight_decay=0.01)

    def get_learning_rate(self, step: int, steps: int) -> float:
        """Return the rate: 200 steps of warm-up, then half a cosine down to a hundredth."""
        return compute_cosine_rate(self.peak_rate, step, steps)

    def validate(self, clouds: CloudBatch) -> dict[str, float]:
        """Return accuracies of energy-ranked and averaged poses."""
        return _measure(CompactModel(score=self.score, energy=self.network), clouds)


def compute_cosine_rate(peak: float, step: int, steps: int) -> float:
    """Return a learning rate: 200 steps of warm-up, then half a cosine to a hundredth of it."""
    falling = 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps)))
    return peak * min(1.0, (step + 1) / 200) * (0.01 + 0.99 * falling)


def make_energy_recipe(score: Recipe) -> Recipe:
    """Return the recipe of the energy network that goes with a trained score network."""
    if not isinstance(score, CompactScoreRecipe):
        raise TypeError(f"expected the compact score's recipe, got {type(score).__name__}")
    return CompactEnergyRecipe(score=score.network)


def _measure(model: CompactModel, clouds: CloudBatch) -> dict[str, float]:
    device = next(model.score.parameters()).device
    return measure_accuracy(model, clouds, karras_sigmas(8, SIGMA_MIN, SIGMA_MAX).to(device))


COMPACT_PLAN = Plan(
    preset="compact",
    make_score=CompactScoreRecipe,
    make_energy=make_energy_recipe,
    # The energy starts from the score's weights and trains a head only: it converges sooner.
    energy_share=0.25,
    weights_dtype=torch.float16,
    departures=COMPACT_DEPARTURES,
)
