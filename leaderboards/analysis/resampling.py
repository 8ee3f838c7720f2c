"""Bootstrap over frames or scenes, shared by everything that gives an interval.

All statistics are computed for many weightings of the frames at once; the first is the data as it
is. The same resampling serves several runs over the same frames, which pairs them.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from benchmark.evaluation.bootstrap import draw_weights
from benchmark.predictions import Predictions
from benchmark.records import Frames, GroundTruth

Unit = Literal["frame", "scene"]

ROUNDS = 1000
_LEAST_SCENES = 5
_RECURRING = 0.5
_TAIL_PERCENT = 2.5
_NORMAL_QUANTILE = 1.959963984540054


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with its 95 % interval; NaN where there is none."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Resampling:
    """How often each frame is drawn, in every round.

    Attributes:
        unit: what is drawn: single frames, or whole scenes.
        owner: (frames,) unit that each frame belongs to.
        counts: (1 + rounds, units) how often each unit is drawn; all once in the first row.
    """

    unit: Unit
    owner: np.ndarray
    counts: np.ndarray

    @property
    def units(self) -> int:
        """Number of units."""
        return int(self.counts.shape[1])

    @cached_property
    def weights(self) -> np.ndarray:
        """How often each frame is drawn, (1 + rounds, frames)."""
        return np.ascontiguousarray(self.counts[:, self.owner])

    def describe(self) -> str:
        """Say in a few words what intervals rest on."""
        return f"95 % bootstrap over {self.units} {self.unit}s, {len(self.counts) - 1} rounds"

    def sum(self, values: np.ndarray, frame: np.ndarray) -> np.ndarray:
        """Return the weighted sums (1 + rounds, ...) of rows (n, ...) that lie in frames (n,)."""
        per_unit = np.zeros((self.units, *values.shape[1:]))
        np.add.at(per_unit, self.owner[frame], values.astype(np.float64))
        return np.asarray(np.tensordot(self.counts, per_unit, axes=1))

    def mean(self, values: np.ndarray, frame: np.ndarray) -> np.ndarray:
        """Return the weighted means (1 + rounds, ...); NaN where nothing was drawn."""
        count = self.sum(np.ones(len(values)), frame)
        total = self.sum(values, frame)
        count = count.reshape(-1, *(1,) * (total.ndim - 1))
        mean = np.full_like(total, np.nan)
        np.divide(total, count, out=mean, where=count > 0)
        return mean

    def estimate(
        self, samples: np.ndarray, bounds: tuple[float, float] = (-math.inf, math.inf)
    ) -> Estimate:
        """Turn a statistic's values (1 + rounds,) into the first with an interval inside `bounds`.

        The interval is the reverse percentile one, as in `benchmark.evaluation.bootstrap`, widened
        by what few units lack: Student's quantile for the normal one, and n / (n - 1) for the
        variance (Hesterberg 2015, What teachers should know about the bootstrap, section 4.1).
        """
        value = float(samples[0])
        usable = samples[1:][np.isfinite(samples[1:])]
        if not math.isfinite(value) or 2 * len(usable) < len(samples) or self.units < 2:
            return Estimate(value=value, low=math.nan, high=math.nan)
        ends = np.percentile(usable, (100 - _TAIL_PERCENT, _TAIL_PERCENT))
        ends = value - self._widening * (ends - value)
        low, high = (float(end) for end in np.clip(ends, *bounds))
        return Estimate(value=value, low=low, high=high)

    @cached_property
    def _widening(self) -> float:
        from scipy.stats import t

        quantile = float(t.ppf(1 - _TAIL_PERCENT / 100, self.units - 1))
        return quantile / _NORMAL_QUANTILE * math.sqrt(self.units / (self.units - 1))


def plan_resampling(
    predictions: Predictions, unit: Unit | None = None, rounds: int = ROUNDS, seed: int = 0
) -> Resampling:
    """Draw the weights of all rounds.

    Args:
        predictions: whose frames are drawn.
        unit: None chooses; see `choose_unit`.
        rounds, seed: of the draws; the same seed gives the same weights.
    """
    unit = unit or choose_unit(predictions.frames, predictions.ground_truth)
    frames = len(predictions.frames)
    owner = np.arange(frames)
    if unit == "scene":
        owner = np.unique(predictions.frames.scene, return_inverse=True)[1]
    units = int(owner.max()) + 1 if frames else 0
    counts = np.concatenate([np.ones((1, units)), draw_weights(units, rounds, seed)])
    return Resampling(unit=unit, owner=owner, counts=counts)


def choose_unit(frames: Frames, truths: GroundTruth) -> Unit:
    """Choose what may be drawn independently.

    Where a camera moves through a scene, its frames show the same objects and err alike: scenes are
    drawn, if there are at least five. Frames are where objects seldom recur, as in CAMERA.
    """
    scenes = frames.scene[truths.frame]
    distinct = len(set(zip(scenes.tolist(), truths.instance.tolist(), strict=True)))
    recurring = distinct < _RECURRING * len(truths)
    return "scene" if recurring and len(np.unique(frames.scene)) >= _LEAST_SCENES else "frame"
