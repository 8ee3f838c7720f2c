"""Options of a training, as the command line hands them to an estimator's `fit`."""

from dataclasses import dataclass
from typing import Literal

Precision = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """What to train and for how long.

    Attributes:
        preset: named configuration of the estimator, None for its default.
        holdout: category none of whose objects may be used.
        minutes: budget for each network; None if `steps` is given.
        steps: optimiser steps of each network; None if `minutes` is given.
        seed: of weights, batches, augmentation and noise.
        device: "cpu", "cuda" or "auto".
        precision: of matrix products.
    """

    preset: str | None = None
    holdout: str | None = None
    minutes: float | None = None
    steps: int | None = None
    seed: int = 0
    device: str = "auto"
    precision: Precision = "auto"
