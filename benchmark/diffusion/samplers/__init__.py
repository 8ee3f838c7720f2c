"""Samplers with fixed noise levels by name; each maps (denoise, poses, sigmas) to poses."""

from collections.abc import Callable

from torch import Tensor

from benchmark.diffusion.denoiser import Denoise
from benchmark.diffusion.samplers.heun import sample_heun

Sampler = Callable[[Denoise, Tensor, Tensor], Tensor]

SAMPLERS: dict[str, Sampler] = {"heun": sample_heun}
