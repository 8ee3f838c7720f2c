"""Heun's method for the probability-flow ODE (Karras et al. 2022, algorithm 1)."""

import itertools

from torch import Tensor

from benchmark.diffusion.denoiser import Denoise


def sample_heun(denoise: Denoise, poses: Tensor, sigmas: Tensor) -> Tensor:
    """Integrate dp/dsigma = (p - denoise(p, sigma)) / sigma along falling noise levels.

    Second order; two network calls a step, but one for a last step to noise 0.

    Args:
        denoise: returns denoised poses.
        poses: (B, K, 9) at noise sigmas[0].
        sigmas: (S + 1,) falling noise levels; the last may be 0.

    Returns:
        (B, K, 9) poses at noise sigmas[-1].
    """
    for sigma, following in itertools.pairwise(sigmas):
        slope = (poses - denoise(poses, sigma)) / sigma
        guess = poses + (following - sigma) * slope
        if following > 0:
            slope = (slope + (guess - denoise(guess, following)) / following) / 2
        poses = poses + (following - sigma) * slope
    return poses
