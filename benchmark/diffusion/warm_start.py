"""Tracking's warm start: how far around the pose of the frame before sampling begins.

The paper and its released code disagree on the noise (`WARM_STARTS`): the script starts at
T0 = 0.15, which is noise 0.036; section 3.4 of the text starts at 0.1, which is 0.023; algorithm 1
draws from N(p, 0.1^2 I), taken here as the time at which the noise is 0.1.
"""

from dataclasses import dataclass
from typing import Any

from benchmark.diffusion.paper import SCHEDULE
from benchmark.errors import ConfigError, UnknownNameError

WARM_STARTS: dict[str, float] = {
    "released": 0.15,
    "text": 0.1,
    "algorithm": SCHEDULE.time(0.1),
}
"""Times on the paper's noise schedule, by where they come from."""


@dataclass(frozen=True, kw_only=True)
class TrackingDefaults:
    """How a preset samples where it tracks.

    Attributes:
        sampler: default sampler.
        steps: default number of noise levels.
        sigma: noise to start from, in the units of the preset's pose vector.
    """

    sampler: str
    steps: int
    sigma: float


def get_warm_time(defaults: TrackingDefaults, name: str | None, t0: float | None) -> float:
    """Return the time at which tracking starts: a named one, one given, or the preset's own.

    Raises:
        ConfigError: both were given.
        UnknownNameError: no such name.
    """
    if name is None:
        return SCHEDULE.time(defaults.sigma) if t0 is None else t0
    if t0 is not None:
        raise ConfigError(f"--t0 {t0:g} and --warm-start {name} contradict each other: give one")
    if name not in WARM_STARTS:
        raise UnknownNameError.suggest("warm start", name, list(WARM_STARTS))
    return WARM_STARTS[name]


def describe_warm_start(sigma: float) -> dict[str, Any]:
    """Return the noise that tracking starts from, also as a time on the paper's schedule."""
    return {"t0": round(SCHEDULE.time(sigma), 4), "sigma": round(sigma, 6)}
