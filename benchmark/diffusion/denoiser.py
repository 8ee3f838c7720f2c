"""The interface that every pose diffusion model offers to samplers and to the estimator.

Whatever a network was trained to predict, it is wrapped so that it returns the denoised pose
(Karras et al. 2022). A sampler then needs nothing but the closure `denoise(poses, sigma)`.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from torch import Tensor

Denoise = Callable[[Tensor, Tensor], Tensor]
"""Maps noisy poses (B, K, 9) and sigma (scalar or (B, K)) to denoised poses (B, K, 9)."""

Features = TypeVar("Features")


class PoseDenoiser(Protocol[Features]):
    """A conditional diffusion model over pose vectors, in its own normalised pose space."""

    def encode(self, points: Tensor) -> Features:
        """Return what the model keeps of each cloud, computed once per cloud.

        Args:
            points: (B, 1024, 3) camera frame, metres, not centred.
        """
        ...

    def denoise(self, features: Features, poses: Tensor, sigma: Tensor) -> Tensor:
        """Return the expected clean poses given noisy ones.

        Args:
            features: what `encode` returned for the B clouds.
            poses: (B, K, 9) noisy pose vectors.
            sigma: noise level, a scalar or (B, K).

        Returns:
            (B, K, 9) denoised pose vectors.
        """
        ...


class PoseModel(PoseDenoiser[Features], Protocol[Features]):
    """A `PoseDenoiser` that also ranks, and knows its way back to the camera frame."""

    def embed(self, points: Tensor) -> Tensor:
        """Return the encoder's feature (B, d) of the shape of clouds (B, N, 3), for figure 5."""
        ...

    def compute_energies(self, features: Features, poses: Tensor) -> Tensor | None:
        """Return rotation and translation energies (B, K, 2); None without an energy model.

        Args:
            features: what `encode` returned for the B clouds.
            poses: (B, K, 9) clean pose vectors with orthonormal columns.
        """
        ...

    def normalise_poses(self, features: Features, rotation: Tensor, translation: Tensor) -> Tensor:
        """Return pose vectors (B, K, 9) of object-to-camera poses (B, K, 3, 3), (B, K, 3)."""
        ...

    def restore_poses(self, features: Features, poses: Tensor) -> tuple[Tensor, Tensor]:
        """Return object-to-camera rotations (B, K, 3, 3) and translations (B, K, 3), metres."""
        ...


def bind(model: PoseDenoiser[Features], features: Features) -> Denoise:
    """Return the closure over the features of some clouds that samplers call."""

    def denoise(poses: Tensor, sigma: Tensor) -> Tensor:
        return model.denoise(features, poses, sigma)

    return denoise
