"""The `compact` preset: GenPose's two models, sized to be trained and run on two CPU cores.

It remains a conditional diffusion model over the nine-number pose with an energy model that ranks.
It departs from the paper in its parametrisation (a preconditioned denoiser, Karras et al. 2022,
instead of a raw score), in its encoder, and in the frame its inputs are expressed in.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.diffusion.pose_head import PoseHead
from benchmark.diffusion.pose_vector import from_pose_vector, to_pose_vector
from benchmark.networks.neighbours import group_nearest
from benchmark.networks.patch_encoder import PatchEncoder

POINT_SCALE = 10.0
TRANSLATION_SCALE = 10.0
SIGMA_DATA = 0.6
SIGMA_MIN, SIGMA_MAX = 0.003, 3.0
ENCODER_FEATURES = 512


@dataclass(frozen=True, kw_only=True)
class ViewFrame:
    """The frame a cloud is looked at in: centred at its mean, with z along the line of sight.

    Perspective makes the same object under the same turn look different across the image; in this
    frame it looks the same, and the sensor's noise lies along z.

    Attributes:
        rotation: (B, 3, 3), camera frame to view frame.
        centre: (B, 3) mean of the cloud in the camera frame, metres.
    """

    rotation: Tensor
    centre: Tensor

    @classmethod
    def look_at(cls, points: Tensor) -> "ViewFrame":
        """Build the frames of clouds (B, N, 3) in the camera frame."""
        centre = points.mean(dim=1)
        sight = nn.functional.normalize(centre, dim=-1)
        x, y, z = sight.unbind(dim=-1)
        # The smallest rotation that takes the sight to (0, 0, 1); the camera looks along +z.
        shared = 1 / (1 + z)
        rows = [1 - x * x * shared, -x * y * shared, -x]
        rows += [-x * y * shared, 1 - y * y * shared, -y]
        rotation = torch.stack([*rows, x, y, z], dim=-1).view(-1, 3, 3)
        return cls(rotation=rotation, centre=centre)

    def normalise_points(self, points: Tensor) -> Tensor:
        """Return camera-frame clouds (B, N, 3) as the network sees them (decimetres)."""
        return POINT_SCALE * (points - self.centre[:, None]) @ self.rotation.mT

    def normalise_poses(self, rotation: Tensor, translation: Tensor) -> Tensor:
        """Return pose vectors (B, K, 9) of object-to-camera poses (B, K, 3, 3), (B, K, 3)."""
        turned = self.rotation[:, None] @ rotation
        offset = (translation - self.centre[:, None]) @ self.rotation.mT
        return to_pose_vector(turned, TRANSLATION_SCALE * offset)

    def restore_poses(self, poses: Tensor) -> tuple[Tensor, Tensor]:
        """Return the object-to-camera rotation and translation of pose vectors (B, K, 9)."""
        turned, offset = from_pose_vector(poses)
        translation = (offset / TRANSLATION_SCALE) @ self.rotation + self.centre[:, None]
        return self.rotation.mT[:, None] @ turned, translation


@dataclass(frozen=True, kw_only=True)
class GroupedClouds:
    """Clouds in their view frames, with the neighbourhoods that the encoder needs.

    Attributes:
        points: (B, N, 3) normalised clouds.
        centres, neighbours, coarse: row indices, see `PatchEncoder.forward`.
        frame: their view frames.
    """

    points: Tensor
    centres: Tensor
    neighbours: Tensor
    coarse: Tensor
    frame: ViewFrame

    @classmethod
    def build(cls, points: Tensor) -> "GroupedClouds":
        """Normalise and group camera-frame clouds (B, N, 3), metres."""
        frame = ViewFrame.look_at(points)
        normalised = frame.normalise_points(points)
        array = normalised.cpu().numpy()
        centres, neighbours = group_nearest(array, PatchEncoder.CENTRES, PatchEncoder.NEIGHBOURS)
        picked = np.take_along_axis(array, centres[..., None], axis=1)
        _, coarse = group_nearest(picked, PatchEncoder.TOKENS, PatchEncoder.TOKEN_NEIGHBOURS)
        return cls(
            points=normalised,
            centres=torch.from_numpy(centres).to(points.device),
            neighbours=torch.from_numpy(neighbours).to(points.device),
            coarse=torch.from_numpy(coarse).to(points.device),
            frame=frame,
        )

    def tensors(self) -> dict[str, Tensor]:
        """Return everything as named tensors, batch dimension first."""
        names = ("points", "centres", "neighbours", "coarse")
        return {name: getattr(self, name) for name in names} | {
            "view_rotation": self.frame.rotation,
            "view_centre": self.frame.centre,
        }

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> "GroupedClouds":
        """Rebuild what `tensors` took apart; other entries are ignored."""
        names = ("points", "centres", "neighbours", "coarse")
        frame = ViewFrame(rotation=tensors["view_rotation"], centre=tensors["view_centre"])
        return cls(frame=frame, **{name: tensors[name] for name in names})


class CompactEncoder(nn.Module):
    """A cloud's feature: its shape in the view frame, and where in the camera frame it is."""

    def __init__(self) -> None:
        super().__init__()
        self.shape = PatchEncoder(features=ENCODER_FEATURES)
        self.place = nn.Linear(3, ENCODER_FEATURES)

    def forward(self, clouds: GroupedClouds) -> Tensor:
        """Return the features (B, 512)."""
        return nn.functional.silu(self.embed(clouds) + self.place(clouds.frame.centre))

    def embed(self, clouds: GroupedClouds) -> Tensor:
        """Return the features (B, 512) of the shapes alone, wherever the clouds are."""
        shape: Tensor = self.shape(clouds.points, clouds.centres, clouds.neighbours, clouds.coarse)
        return shape


class CompactScore(nn.Module):
    """The diffusion model: encoder and preconditioned denoiser."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = CompactEncoder()
        self.head = PoseHead(features=ENCODER_FEATURES)

    def encode(self, clouds: GroupedClouds) -> Tensor:
        """Return what the head needs of each cloud, computed once for all sampling steps."""
        return self.head.condition(self.encoder(clouds))

    def denoise(self, condition: Tensor, poses: Tensor, sigma: Tensor) -> Tensor:
        """Return the denoised pose vectors (B, K, 9); sigma is a scalar or (B, K)."""
        return apply_preconditioned(self.head, condition, poses, sigma)


class CompactEnergy(nn.Module):
    """The energy model: a head of its own on the score model's frozen encoder.

    The energy of a pose p at noise sigma is -|p - D(p)|^2 / (2 sigma^2), summed over the rotation's
    and over the translation's numbers apart, with D a denoiser-shaped network. Its gradient is
    trained by the same objective as the score (eq. 6), so that the sum estimates log p_sigma up to
    a constant.
    """

    def __init__(self) -> None:
        super().__init__()
        self.head = PoseHead(features=ENCODER_FEATURES)

    def energies(self, condition: Tensor, poses: Tensor, sigma: Tensor) -> Tensor:
        """Return the energies (B, K, 2) of rotation and translation; larger is likelier."""
        residual = poses - apply_preconditioned(self.head, condition, poses, sigma)
        squares = residual.square() / (2 * _per_pose(sigma, poses) ** 2)
        return -torch.stack([squares[..., :6].sum(-1), squares[..., 6:].sum(-1)], dim=-1)

    def denoise(self, condition: Tensor, poses: Tensor, sigma: Tensor) -> Tensor:
        """Return p + sigma^2 dE/dp, the denoised pose that the energy implies."""
        with torch.enable_grad():
            poses = poses if poses.requires_grad else poses.detach().requires_grad_()
            energy = self.energies(condition, poses, sigma).sum()
            (gradient,) = torch.autograd.grad(energy, poses, create_graph=self.training)
        return poses + _per_pose(sigma, poses) ** 2 * gradient


@dataclass(frozen=True, kw_only=True)
class CompactFeatures:
    """What both networks keep of B clouds.

    Attributes:
        score, energy: conditions of the two heads; energy is None without an energy model.
        frame: view frames, to return from normalised poses to the camera.
    """

    score: Tensor
    energy: Tensor | None
    frame: ViewFrame


@dataclass(frozen=True, kw_only=True)
class CompactModel:
    """Score and energy model together: a `PoseModel`.

    Attributes:
        score: the diffusion model.
        energy: the ranking model, None to sample only.
        ranking_sigma: noise level at which energies are read off.
    """

    score: CompactScore
    energy: CompactEnergy | None = None
    ranking_sigma: float = 0.06

    def encode(self, points: Tensor) -> CompactFeatures:
        """Encode camera-frame clouds (B, N, 3), metres, once for all that follows."""
        clouds = GroupedClouds.build(points)
        features = self.score.encoder(clouds)
        return CompactFeatures(
            score=self.score.head.condition(features),
            energy=self.energy.head.condition(features) if self.energy else None,
            frame=clouds.frame,
        )

    def embed(self, points: Tensor) -> Tensor:
        """Return the score encoder's shape features (B, 512) of clouds (B, N, 3)."""
        return self.score.encoder.embed(GroupedClouds.build(points))

    def denoise(self, features: CompactFeatures, poses: Tensor, sigma: Tensor) -> Tensor:
        """Return denoised pose vectors (B, K, 9)."""
        denoised: Tensor = self.score.denoise(features.score, poses, sigma)
        return denoised

    def compute_energies(self, features: CompactFeatures, poses: Tensor) -> Tensor | None:
        """Return energies (B, K, 2) of orthonormal pose vectors, None without an energy model."""
        if self.energy is None or features.energy is None:
            return None
        sigma = poses.new_tensor(self.ranking_sigma)
        energies: Tensor = self.energy.energies(features.energy, poses, sigma)
        return energies

    def normalise_poses(
        self, features: CompactFeatures, rotation: Tensor, translation: Tensor
    ) -> Tensor:
        """Return pose vectors (B, K, 9) of object-to-camera poses (B, K, 3, 3), (B, K, 3)."""
        return features.frame.normalise_poses(rotation, translation)

    def restore_poses(self, features: CompactFeatures, poses: Tensor) -> tuple[Tensor, Tensor]:
        """Return object-to-camera rotations (B, K, 3, 3) and translations (B, K, 3), metres."""
        return features.frame.restore_poses(poses)


def apply_preconditioned(head: PoseHead, condition: Tensor, poses: Tensor, sigma: Tensor) -> Tensor:
    """Return the denoised poses: c_skip p + c_out head(c_in p, ln sigma) (Karras et al. 2022)."""
    noise = _per_pose(sigma, poses)
    total = (noise**2 + SIGMA_DATA**2).sqrt()
    answer: Tensor = head(condition, poses / total, sigma.log())
    return (SIGMA_DATA / total) ** 2 * poses + noise * SIGMA_DATA / total * answer


def compute_denoising_loss(denoised: Tensor, clean: Tensor, sigma: Tensor) -> Tensor:
    """Return the loss (B, K), weighted so that every noise level weighs the same at the start."""
    weight = (sigma**2 + SIGMA_DATA**2) / (sigma * SIGMA_DATA) ** 2
    return weight * (denoised - clean).square().sum(dim=-1)


def _per_pose(sigma: Tensor, poses: Tensor) -> Tensor:
    """Return sigma with the dimensions it needs to multiply pose vectors."""
    return sigma if sigma.dim() == 0 else sigma[..., None].expand(*poses.shape[:-1], 1)
