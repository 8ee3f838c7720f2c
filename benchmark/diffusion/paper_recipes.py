"""How the two networks of the `paper` preset are trained: the released recipe.

Batches of 192 clouds with 20 draws of noise each, Adam, a rate that decays by the epoch, averaged
weights. The energy network is trained from scratch with an encoder of its own.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.diffusion.fitting import Plan, Stage
from benchmark.diffusion.losses import compute_score_matching_loss
from benchmark.diffusion.paper import SCHEDULE, EnergyNetwork, PaperModel, ScoreNetwork
from benchmark.diffusion.pose_vector import POSE_SIZE, to_pose_vector
from benchmark.diffusion.samplers.grids import karras_sigmas
from benchmark.diffusion.validation import measure_accuracy
from benchmark.training.augmentation import augment_as_released
from benchmark.training.clouds import CloudBatch
from benchmark.training.recipe import Prepared, Recipe
from benchmark.training.stepwise_decay import StepwiseDecay

_EPOCHS, _ENERGY_EPOCHS = 1900, 200


@dataclass(kw_only=True)
class PaperRecipe:
    """Denoising score matching as released, for either network (GenPose eq. 3 and 6).

    Attributes:
        network: what is trained.
        score: the score network that samples when an energy network is validated; None for
            the score network itself.
        batch_size, draws: clouds in a batch, and noise draws for each.
        real_share: CAMERA : Real = 3 : 1.
        average_decay: of the averaged weights.
    """

    network: ScoreNetwork | EnergyNetwork = field(default_factory=ScoreNetwork)
    score: ScoreNetwork | None = None
    batch_size: int = 192
    draws: int = 20
    real_share: float = 0.25
    average_decay: float = 0.999

    def prepare(self, clouds: CloudBatch, rng: np.random.Generator) -> Prepared:
        """Return augmented clouds, poses relative to the clouds' means, times and noise."""
        clouds = augment_as_released(clouds, rng)
        points = torch.from_numpy(np.ascontiguousarray(clouds.points, dtype=np.float32))
        offset = torch.from_numpy(clouds.translation) - points.mean(dim=1)
        shape = (len(points), self.draws)
        times = rng.uniform(SCHEDULE.eps, 1, shape).astype(np.float32)
        noise = rng.standard_normal((*shape, POSE_SIZE), dtype=np.float32)
        return {
            "points": points,
            "clean": to_pose_vector(torch.from_numpy(clouds.rotation), offset)[:, None],
            "t": torch.from_numpy(times),
            "noise": torch.from_numpy(noise),
        }

    def compute_loss(self, prepared: Prepared) -> Tensor:
        """Return the mean loss over clouds and draws."""
        return self.compute_loss_given(self.network.encode(prepared["points"]), prepared)

    def compute_loss_given(self, condition: Tensor, prepared: Prepared) -> Tensor:
        """Return the mean loss of clouds that are encoded already, as (B, 768) conditions."""
        sigma = SCHEDULE.sigma(prepared["t"])
        noisy = prepared["clean"] + sigma[..., None] * prepared["noise"]
        score = self.network.score(condition, noisy, prepared["t"])
        return compute_score_matching_loss(score, prepared["noise"], sigma).mean()

    def make_optimiser(self) -> torch.optim.Optimizer:
        """Return Adam, all of its arithmetic in one pass."""
        trained = [value for value in self.network.parameters() if value.requires_grad]
        return torch.optim.Adam(trained, lr=StepwiseDecay.peak, betas=(0.9, 0.999), fused=True)

    def get_learning_rate(self, step: int, steps: int) -> float:
        """Return the released rate; an epoch is the budget's share of the released 1900 epochs."""
        return StepwiseDecay().get_rate(step, max(1, steps // _EPOCHS))

    def validate(self, clouds: CloudBatch) -> dict[str, float]:
        """Return accuracies of averaged poses, ranked where an energy network is trained."""
        model = (
            PaperModel(score=self.score, energy=self.network)
            if isinstance(self.network, EnergyNetwork) and self.score is not None
            else PaperModel(score=_as_score(self.network))
        )
        device = next(self.network.parameters()).device
        sigmas = karras_sigmas(12, SCHEDULE.sigma_min, SCHEDULE.sigma(0.55)).to(device)
        return measure_accuracy(model, clouds, sigmas)


def _as_score(network: nn.Module) -> ScoreNetwork:
    if not isinstance(network, ScoreNetwork):
        raise TypeError(f"expected a score network, got {type(network).__name__}")
    return network


def make_energy_recipe(score: Recipe | None) -> Recipe:
    """Return the recipe of the energy network; the trained score network validates it."""
    trained = None if score is None else _as_score(score.network)
    return PaperRecipe(network=EnergyNetwork(), score=trained)


PAPER_PLAN = Plan(
    estimator="genpose",
    preset="paper",
    stages=(
        Stage(name="score", make=lambda _: PaperRecipe()),
        Stage(name="energy", make=make_energy_recipe, share=_ENERGY_EPOCHS / _EPOCHS),
    ),
    weights_dtype=torch.float32,
)
