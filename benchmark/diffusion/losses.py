"""Training objectives of the `paper` preset."""

import torch
from torch import Tensor

_RANKING_EPS = 1e-5


def compute_score_matching_loss(score: Tensor, noise: Tensor, sigma: Tensor) -> Tensor:
    """Return the denoising score-matching loss (...) of each noisy pose, weighted by sigma^2.

    For poses p + sigma z the target is -z / sigma. The energy network is trained by the same loss
    on the gradient of its energy.

    Args:
        score: (..., 9) estimated gradient of the log density.
        noise: (..., 9) standard normal z.
        sigma: (...) noise levels.

    Source: GenPose eq. 3 and eq. 6.
    """
    width = sigma[..., None]
    return (width**2 * (score + noise / width).square()).sum(dim=-1)


def compute_ranking_loss(energies: Tensor, errors: Tensor) -> Tensor:
    """Return the mean hinge loss over all pairs of poses of a cloud that are ranked wrongly.

    Each difference of energies is divided by its own size, so the loss is almost a step. Part of
    the released code, which no released script uses.

    Args:
        energies: (B, K, 2) rotation and translation energies, larger should mean better.
        errors: (B, K, 2) rotation and translation errors; each column is ranked by itself.
    """
    ranked = energies.gather(dim=1, index=errors.argsort(dim=1))
    better, worse = torch.triu_indices(ranked.shape[1], ranked.shape[1], 1, device=ranked.device)
    lead = ranked[:, better] - ranked[:, worse]
    return (1 - lead / (lead.abs() + _RANKING_EPS)).clamp_min(0).mean()
