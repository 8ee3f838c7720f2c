"""Samplers by name; each maps (denoise, poses, sigmas) to poses at the last noise level."""

from collections.abc import Callable

from torch import Tensor

from benchmark.diffusion.denoiser import Denoise
from benchmark.diffusion.samplers.dpm_solver import sample_dpm_solver_2m, sample_dpm_solver_3m
from benchmark.diffusion.samplers.euler import sample_euler
from benchmark.diffusion.samplers.heun import sample_heun
from benchmark.diffusion.samplers.rk45 import sample_rk45
from benchmark.diffusion.samplers.rk45_official import sample_rk45_official

Sampler = Callable[[Denoise, Tensor, Tensor], Tensor]

SAMPLERS: dict[str, Sampler] = {
    "heun": sample_heun,
    "euler": sample_euler,
    "dpm-solver-2m": sample_dpm_solver_2m,
    "dpm-solver-3m": sample_dpm_solver_3m,
    "rk45": sample_rk45,
    "rk45-official": sample_rk45_official,
}
ADAPTIVE = frozenset({"rk45", "rk45-official"})
"""Those that control their own steps: the noise levels only bound them."""
BATCH_WIDE = frozenset({"rk45-official"})
"""Those whose poses depend on what else is in the batch."""
