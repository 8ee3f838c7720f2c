"""What a training needs to know of what it trains."""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.training.clouds import CloudBatch

Prepared = dict[str, Tensor]


class Recipe(Protocol):
    """What is trained and how: everything that differs between presets and networks."""

    batch_size: int
    draws: int
    real_share: float
    average_decay: float

    @property
    def network(self) -> nn.Module:
        """The module whose parameters are trained."""
        ...

    def prepare(self, clouds: CloudBatch, rng: np.random.Generator) -> Prepared:
        """Augment clouds and turn them into tensors, batch dimension first. Runs in a thread."""
        ...

    def compute_loss(self, prepared: Prepared) -> Tensor:
        """Return the mean loss of one batch."""
        ...

    def make_optimiser(self) -> torch.optim.Optimizer:
        """Return the optimiser over the network's parameters."""
        ...

    def get_learning_rate(self, step: int, steps: int) -> float:
        """Return the learning rate of a step."""
        ...

    def validate(self, clouds: CloudBatch) -> dict[str, float]:
        """Return accuracies of the network on clouds that are not trained on."""
        ...
