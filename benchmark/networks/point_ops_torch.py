"""Farthest-point sampling and ball query in torch, for clouds that lie on a GPU.

They give what `point_ops` gives, to the bit: the same sums in the same order, the same winners of
ties. On a CPU the compiled ones are several times as fast; on a GPU these save the way back and
forth, and all clouds are sampled at once.
"""

import torch
from torch import Tensor

from benchmark.networks.point_ops import order_of_preference


def sample_farthest_torch(points: Tensor, count: int) -> Tensor:
    """Return (B, count) rows of clouds (B, N, 3); see `point_ops.sample_farthest`."""
    order = torch.from_numpy(order_of_preference(points.shape[1])).to(points.device)
    # In order of preference the first maximum is the winner.
    points = points[:, order]
    clouds = torch.arange(len(points), device=points.device)
    to_picked = points.new_full(points.shape[:2], torch.inf)
    places = clouds.new_zeros((count, len(points)))
    place = places[0]
    for number in range(count):
        places[number] = place
        offsets = points - points[clouds, place][:, None]
        to_picked = torch.minimum(to_picked, _sum_squares(offsets))
        place = to_picked.argmax(dim=1)
    return order[places.T]


def find_in_ball_torch(points: Tensor, centres: Tensor, radius: float, count: int) -> Tensor:
    """Return (B, M, count) rows of clouds (B, N, 3); see `point_ops.find_in_ball`."""
    limit = points.new_tensor(radius) * points.new_tensor(radius)
    squares = _sum_squares(centres[:, :, None] - points[:, None])
    total = points.shape[1]
    rows = torch.arange(total, device=points.device).masked_fill(squares >= limit, total)
    found = rows.topk(min(count, total), dim=-1, largest=False, sorted=True).values
    found = torch.nn.functional.pad(found, (0, count - found.shape[-1]), value=total)
    first = found[..., :1]
    first = first.masked_fill(first == total, 0)
    return torch.where(found == total, first, found)


def _sum_squares(offsets: Tensor) -> Tensor:
    """Return the squared lengths (...) of (..., 3), summed from x to z without fused products."""
    x, y, z = offsets.unbind(dim=-1)
    return x * x + y * y + z * z
