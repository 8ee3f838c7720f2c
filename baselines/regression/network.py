"""The twin's network and its loss."""

import torch
from torch import Tensor, nn

from benchmark.diffusion.compact import ENCODER_FEATURES, CompactEncoder, GroupedClouds
from benchmark.diffusion.pose_head import PoseHead
from benchmark.diffusion.pose_vector import POSE_SIZE, ROTATION_SIZE, to_rotation

_UPRIGHT = (1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0)


class PoseRegressor(nn.Module):
    """GenPose's compact network with nothing to denoise: from a cloud straight to its pose.

    Encoder and head are those of `CompactScore`, parameter for parameter. The head's inputs for the
    noisy pose and its noise level are held at zero.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = CompactEncoder()
        self.head = PoseHead(features=ENCODER_FEATURES)
        # The head's answer starts at its bias: at an upright object, as zero is no rotation.
        with torch.no_grad():
            self.head.answer.bias.copy_(torch.tensor(_UPRIGHT))

    def forward(self, clouds: GroupedClouds) -> Tensor:
        """Return pose vectors (B, 9) in the clouds' view frames."""
        condition = self.head.condition(self.encoder(clouds))
        nothing = condition.new_zeros((len(condition), 1, POSE_SIZE))
        answer: Tensor = self.head(condition, nothing, nothing[..., 0])
        return answer.squeeze(1)


def compute_pose_loss(predicted: Tensor, target: Tensor, axis_only: Tensor) -> Tensor:
    """Return the loss (B,) of pose vectors (B, 9): how far axes and translation lie off.

    Rotation: the distance between the tips of predicted and true axes, summed over the three; for
    objects that any turn about y leaves alike, three times that of the y axes, which is blind to
    the turn. Distances rather than their squares, so that the typical object counts, not the worst.

    Args:
        predicted: pose vectors, orthonormalised here.
        target: pose vectors of the annotation.
        axis_only: (B,) bool, whether only the direction of the y axis counts.
    """
    axes, true_axes = to_rotation(predicted[:, :ROTATION_SIZE]), to_rotation(target)
    apart = torch.linalg.vector_norm(axes - true_axes, dim=-2)
    rotation = torch.where(axis_only, 3 * apart[:, 1], apart.sum(dim=-1))
    offset = predicted[:, ROTATION_SIZE:] - target[:, ROTATION_SIZE:]
    loss: Tensor = rotation + torch.linalg.vector_norm(offset, dim=-1)
    return loss
