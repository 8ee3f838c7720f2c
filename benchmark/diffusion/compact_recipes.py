"""How the two networks of the `compact` preset are trained."""

import math
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

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
from benchmark.diffusion.fitting import Plan, Stage
from benchmark.diffusion.pose_vector import POSE_SIZE
from benchmark.diffusion.samplers.grids import karras_sigmas
from benchmark.diffusion.validation import measure_accuracy
from benchmark.training.clouds import CloudBatch
from benchmark.training.recipe import Prepared, Recipe
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


def prepare_views(clouds: CloudBatch, rng: np.random.Generator) -> Prepared:
    """Return augmented, normalised, grouped clouds with their pose vectors, `clean` (B, 1, 9)."""
    clouds = augment_clouds(clouds, rng)
    grouped = GroupedClouds.build(torch.from_numpy(clouds.points))
    clean = grouped.frame.normalise_poses(
        torch.from_numpy(clouds.rotation)[:, None],
        torch.from_numpy(clouds.translation)[:, None],
    )
    return {**grouped.tensors(), "clean": clean}


@dataclass(kw_only=True)
class CompactRecipe:
    """What all trainings on the compact encoder have in common: batches and optimiser.

    Attributes:
        network: what is trained.
        batch_size, draws: clouds in a batch, and poses that the loss is computed at for each.
        real_share: of clouds from the depth sensor.
        average_decay: of the averaged weights.
        peak_rate: largest learning rate.
    """

    network: nn.Module
    batch_size: int = 64
    draws: int = 16
    real_share: float = 0.6
    average_decay: float = 0.999
    peak_rate: float = 1e-3

    def make_optimiser(self) -> torch.optim.Optimizer:
        """Return AdamW, all of its arithmetic in one pass."""
        trained = self.network.parameters()
        return torch.optim.AdamW(trained, lr=self.peak_rate, weight_decay=0.01, fused=True)

    def get_learning_rate(self, step: int, steps: int) -> float:
        """Return the rate: 200 steps of warm-up, then half a cosine down to a hundredth."""
        falling = 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps)))
        return self.peak_rate * min(1.0, (step + 1) / 200) * (0.01 + 0.99 * falling)


@dataclass(kw_only=True)
class DenoisingRecipe(CompactRecipe):
    """What the training of score and energy has in common: noise and loss."""

    network: CompactScore | CompactEnergy

    def encode(self, clouds: GroupedClouds) -> Tensor:
        """Return the condition of the trained network's head."""
        raise NotImplementedError

    def make_model(self) -> CompactModel:
        """Return the model that the network is validated in."""
        raise NotImplementedError

    def prepare(self, clouds: CloudBatch, rng: np.random.Generator) -> Prepared:
        """Return views with noise levels and noise for each draw."""
        views = prepare_views(clouds, rng)
        shape = (len(clouds.points), self.draws)
        noise = rng.standard_normal((*shape, POSE_SIZE), dtype=np.float32)
        return views | {
            "sigma": torch.from_numpy(draw_noise_levels(shape, rng)),
            "noise": torch.from_numpy(noise),
        }

    def compute_loss(self, prepared: Prepared) -> Tensor:
        """Return the mean denoising loss over clouds and draws."""
        condition = self.encode(GroupedClouds.from_tensors(prepared))
        sigma = prepared["sigma"]
        noisy = prepared["clean"] + sigma[..., None] * prepared["noise"]
        denoised = self.network.denoise(condition, noisy, sigma)
        return compute_denoising_loss(denoised, prepared["clean"], sigma).mean()

    def validate(self, clouds: CloudBatch) -> dict[str, float]:
        """Return accuracies of averaged poses, ranked where an energy is trained."""
        device = next(self.network.parameters()).device
        sigmas = karras_sigmas(8, SIGMA_MIN, SIGMA_MAX).to(device)
        return measure_accuracy(self.make_model(), clouds, sigmas)


@dataclass(kw_only=True)
class CompactScoreRecipe(DenoisingRecipe):
    """Denoising score matching of the pose given the cloud (GenPose eq. 3, preconditioned)."""

    network: CompactScore = field(default_factory=CompactScore)

    def encode(self, clouds: GroupedClouds) -> Tensor:
        """Return the condition of the score's head."""
        return self.network.encode(clouds)

    def make_model(self) -> CompactModel:
        """Return a model without an energy."""
        return CompactModel(score=self.network)


@dataclass(kw_only=True)
class CompactEnergyRecipe(DenoisingRecipe):
    """Denoising score matching on the energy's gradient (GenPose eq. 6).

    The score model's encoder is frozen and shared, and the energy's head starts from the score's:
    its gradient then already points roughly the right way.
    """

    score: CompactScore
    network: CompactEnergy = field(default_factory=CompactEnergy)
    peak_rate: float = 5e-4

    def __post_init__(self) -> None:
        self.network.head.load_state_dict(self.score.head.state_dict())
        self.score.eval().requires_grad_(False)

    def encode(self, clouds: GroupedClouds) -> Tensor:
        """Return the condition of the energy's head."""
        with torch.no_grad():
            features = self.score.encoder(clouds)
        return self.network.head.condition(features)

    def make_model(self) -> CompactModel:
        """Return the trained score with the energy."""
        return CompactModel(score=self.score, energy=self.network)


def make_energy_recipe(score: Recipe | None) -> Recipe:
    """Return the recipe of the energy network that goes with a trained score network."""
    if not isinstance(score, CompactScoreRecipe):
        raise TypeError(f"expected the compact score's recipe, got {type(score).__name__}")
    return CompactEnergyRecipe(score=score.network)


COMPACT_PLAN = Plan(
    estimator="genpose",
    preset="compact",
    stages=(
        Stage(name="score", make=lambda _: CompactScoreRecipe()),
        # The energy starts from the score's weights and trains a head only: it converges sooner.
        Stage(name="energy", make=make_energy_recipe, share=0.25),
    ),
    weights_dtype=torch.float16,
    departures=COMPACT_DEPARTURES,
)
