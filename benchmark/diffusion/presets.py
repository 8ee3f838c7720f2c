"""The presets of GenPose: which networks, which weights, and how they are sampled by default."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn

from benchmark.diffusion.checkpoints import read_weights
from benchmark.diffusion.compact import (
    SIGMA_MAX,
    SIGMA_MIN,
    CompactEnergy,
    CompactModel,
    CompactScore,
)
from benchmark.diffusion.denoiser import PoseModel
from benchmark.diffusion.paper import SCHEDULE, EnergyNetwork, PaperModel, ScoreNetwork
from benchmark.diffusion.samplers.grids import karras_sigmas
from benchmark.diffusion.warm_start import WARM_STARTS, TrackingDefaults
from benchmark.errors import ConfigError, DataFormatError
from benchmark.weights import WeightsSet, find_weights

if TYPE_CHECKING:
    from benchmark.diffusion.fitting import Plan

SHIPPED = Path(__file__).parent / "weights"
ENOUGH_STEPS = 12  # for a sampler that is not a preset's own
_FEW_LEVELS = {3: (0.5, 0.1), 4: (0.6, 0.2, 0.07)}
"""Noise levels of `compact` between the first and 0, by the number of steps.

Found by search on training objects; see docs/sampling.md.
"""
_COMPACT_TRACKING = TrackingDefaults(sampler="heun", steps=4, sigma=0.1)
_PAPER_TRACKING = TrackingDefaults(
    sampler="rk45", steps=4, sigma=SCHEDULE.sigma(WARM_STARTS["released"])
)


class SamplingDefaults(Protocol):
    """How poses are sampled unless told otherwise."""

    @property
    def sampler(self) -> str:
        """Name of the sampler."""
        ...

    @property
    def steps(self) -> int:
        """Number of noise levels."""
        ...


class Preset(SamplingDefaults, Protocol):
    """A named configuration of GenPose."""

    @property
    def name(self) -> str:
        """Name as given to `--preset`."""
        ...

    @property
    def tracking(self) -> TrackingDefaults:
        """Defaults where poses are tracked."""
        ...

    @property
    def noise_range(self) -> tuple[float, float]:
        """Smallest and largest noise level that the networks know."""
        ...

    def find_weights(self, given: Path | None) -> WeightsSet:
        """Return a weights set by name or folder; the shipped one by default."""
        ...

    def load(self, folder: Path, device: torch.device) -> tuple[PoseModel[Any], dict[str, str]]:
        """Return the networks, and the SHA-256 of each weights file by name."""
        ...

    def plan(self) -> "Plan":
        """Return how the networks are trained."""
        ...

    def get_start_sigma(self, t0: float | None) -> float:
        """Return the noise level to start from, for a time on the paper's schedule."""
        ...

    def make_sigmas(self, steps: int, sigma_max: float) -> Tensor:
        """Return the falling noise levels that a sampler visits."""
        ...


@dataclass(frozen=True, kw_only=True)
class CompactPreset:
    """Networks that train in minutes on two cores, shipped with genbench."""

    name: str = "compact"
    sampler: str = "dpm-solver-2m"  # the cheapest that docs/sampling.md finds as good as RK45
    steps: int = 3
    tracking: TrackingDefaults = _COMPACT_TRACKING
    noise_range: tuple[float, float] = (SIGMA_MIN, SIGMA_MAX)

    def find_weights(self, given: Path | None) -> WeightsSet:
        """Return a weights set by name or folder; the one of full budget by default."""
        return find_weights(given or Path(self.name), SHIPPED)

    def load(self, folder: Path, device: torch.device) -> tuple[PoseModel[Any], dict[str, str]]:
        """Load `score.safetensors` and `energy.safetensors` of a folder."""
        networks: dict[str, nn.Module] = {"score": CompactScore(), "energy": CompactEnergy()}
        fingerprints = {
            name: load_network(network, folder / f"{name}.safetensors", device)
            for name, network in networks.items()
        }
        return CompactModel(**networks), fingerprints  # type: ignore[arg-type]

    def plan(self) -> "Plan":
        """Return how the networks are trained."""
        from benchmark.diffusion.compact_recipes import COMPACT_PLAN

        return COMPACT_PLAN

    def get_start_sigma(self, t0: float | None) -> float:
        """Return the noise level to start from; the largest by default."""
        if t0 is None:
            return SIGMA_MAX
        sigma = SCHEDULE.sigma(t0)
        if not SIGMA_MIN < sigma <= SIGMA_MAX:
            raise ConfigError(
                f"--t0 {t0:g} starts at noise {sigma:.3g}, but preset compact knows noise from "
                f"{SIGMA_MIN} to {SIGMA_MAX}: use --t0 0.25 to 0.66, or --preset paper"
            )
        return sigma

    def make_sigmas(self, steps: int, sigma_max: float) -> Tensor:
        """Return Karras' noise levels, ending at the smallest that was trained, and then 0.

        Three or four steps that start from more noise than `_FEW_LEVELS` visit those levels.
        """
        levels = _FEW_LEVELS.get(steps)
        if levels and sigma_max > levels[0]:
            return torch.tensor([sigma_max, *levels, 0.0])
        return karras_sigmas(steps, SIGMA_MIN, sigma_max)


@dataclass(frozen=True, kw_only=True)
class PaperPreset:
    """The released networks, for official checkpoints or weights trained on a GPU."""

    name: str = "paper"
    sampler: str = "dpm-solver-2m"  # by the same rule; the released code's is `rk45-official`
    steps: int = 5
    t0: float = 0.55
    tracking: TrackingDefaults = _PAPER_TRACKING
    noise_range: tuple[float, float] = (SCHEDULE.sigma_min, SCHEDULE.sigma_max)

    def find_weights(self, given: Path | None) -> WeightsSet:
        """Return a weights set by its folder.

        Raises:
            ConfigError: none was given; none is shipped.
        """
        if given is None:
            raise ConfigError(
                "preset paper ships no weights: import official checkpoints "
                "(genbench import-weights) or train it, and give --weights FOLDER"
            )
        return find_weights(given, SHIPPED)

    def load(self, folder: Path, device: torch.device) -> tuple[PoseModel[Any], dict[str, str]]:
        """Load `score.safetensors` of a folder, and `energy.safetensors` where it is there."""
        score, energy = ScoreNetwork(), EnergyNetwork()
        fingerprints = {"score": load_network(score, folder / "score.safetensors", device)}
        energy_path = folder / "energy.safetensors"
        if not energy_path.exists():
            return PaperModel(score=score), fingerprints
        fingerprints["energy"] = load_network(energy, energy_path, device)
        return PaperModel(score=score, energy=energy), fingerprints

    def plan(self) -> "Plan":
        """Return how the networks are trained."""
        from benchmark.diffusion.paper_recipes import PAPER_PLAN

        return PAPER_PLAN

    def get_start_sigma(self, t0: float | None) -> float:
        """Return the noise level to start from; that of the released script by default."""
        return SCHEDULE.sigma(self.t0 if t0 is None else t0)

    def make_sigmas(self, steps: int, sigma_max: float) -> Tensor:
        """Return Karras' noise levels, ending at the smallest of the schedule, then 0."""
        return karras_sigmas(steps, SCHEDULE.sigma_min, sigma_max)


PRESETS: dict[str, Preset] = {"compact": CompactPreset(), "paper": PaperPreset()}


def load_network(network: nn.Module, path: Path, device: torch.device) -> str:
    """Load weights into a network for inference; return the file's SHA-256.

    Raises:
        DataFormatError: the file's tensors are not this network's.
    """
    state, fingerprint = read_weights(path)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise DataFormatError(f"{path}: not weights of this preset ({first})") from error
    network.to(device).eval().requires_grad_(False)
    return fingerprint
