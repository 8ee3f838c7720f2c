"""Euler's method for the probability-flow ODE (equal to DDIM; Karras et al. 2022)."""

import itertools

from torch import Tensor

from benchmark.diffusion.denoiser import Denoise


def sample_euler(denoise: Denoise, poses: Tensor, sigmas: Tensor) -> Tensor:
    """Integrate dp/dsigma = (p - denoise(p, sigma)) / sigma along falling noise levels.

    First order; one network call a step.

    Args:
        denoise: returns denoised poses.
        poses: (B, K, 9) at noise sigmas[0].
        sigmas: (S + 1,) falling noise levels; the last may be 0.

    Returns:
        (B, K, 9) poses at noise sigmas[-1].
    """
    for sigma, following in itertools.pairwise(sigmas):
        slope = (poses - denoise(poses, sigma)) / sigma
        poses = poses + (following - sigma) * slope
    return poses
