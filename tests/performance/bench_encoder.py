"""Time the paper preset's encoder: `python tests/performance/bench_encoder.py [CLOUDS]`.

Prints the encoder against the bare matrix products of its layers, and sampling and grouping against
a plain torch version of the same. Each pair is timed in turns, so that other load hits both.
"""

import itertools
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor

from benchmark.networks.point_ops import find_in_ball, sample_farthest
from benchmark.networks.pointnet2 import LEVELS, PointNet2

REPEATS = 7


def time_in_turns(*functions: Callable[[], object]) -> list[float]:
    """Return the least time of each function in milliseconds."""
    best = [float("inf")] * len(functions)
    for repeat in range(REPEATS + 1):
        for i, function in enumerate(functions):
            start = time.perf_counter()
            function()
            if repeat:  # the first round warms up
                best[i] = min(best[i], 1e3 * (time.perf_counter() - start))
    return best


def list_products() -> list[tuple[int, int, int]]:
    """Return rows, inputs and outputs of every layer's matrix product for one cloud."""
    products, channels, points = [], 0, 1024
    for centres, scales in LEVELS:
        for scale in scales:
            rows = centres * scale.neighbours or points
            widths = (channels + 3, *scale.widths)
            products += [(rows, a, b) for a, b in itertools.pairwise(widths)]
        channels, points = sum(scale.widths[-1] for scale in scales), centres
    return products


def group_in_torch(points: Tensor, count: int, radius: float, wanted: int) -> Tensor:
    """Sample and group as a plain torch program does."""
    distance = torch.full(points.shape[:2], torch.inf)
    picked = torch.zeros(len(points), dtype=torch.long)
    rows, clouds = [], torch.arange(len(points))
    for _ in range(count):
        rows.append(picked)
        offsets = points - points[clouds, picked][:, None]
        distance = torch.minimum(distance, offsets.square().sum(dim=-1))
        picked = distance.argmax(dim=-1)
    centres = points[clouds[:, None], torch.stack(rows, dim=1)]
    squares = (centres[:, :, None] - points[:, None]).square().sum(dim=-1)
    indices = torch.arange(points.shape[1]).expand_as(squares).clone()
    indices[squares >= radius**2] = points.shape[1]
    first = indices.sort(dim=-1).values[..., :wanted]
    return torch.where(first == points.shape[1], first[..., :1], first)


@torch.inference_mode()
def main(clouds: int) -> None:
    """Print the two ratios."""
    torch.manual_seed(0)
    points = 0.05 * torch.randn(clouds, 1024, 3) + torch.tensor([0.0, 0.0, 1.0])
    encoder = PointNet2().eval()
    products = [(torch.randn(n, a), torch.randn(a, b)) for n, a, b in list_products()]

    def multiply() -> None:
        for _ in range(clouds):
            for left, right in products:
                torch.mm(left, right)

    def group_compiled() -> None:
        rows = sample_farthest(points.numpy(), 512)
        centres = torch.gather(points, 1, torch.from_numpy(rows)[..., None].expand(-1, -1, 3))
        find_in_ball(points.numpy(), centres.numpy(), 0.04, 32)

    whole, bound = time_in_turns(lambda: encoder(points), multiply)
    compiled, plain = time_in_turns(group_compiled, lambda: group_in_torch(points, 512, 0.04, 32))
    print(f"{clouds} clouds, {torch.get_num_threads()} threads, least of {REPEATS}, ms a cloud")
    print(f"encoder {whole / clouds:.1f}, its matrix products {bound / clouds:.1f}: ", end="")
    print(f"{whole / bound:.2f} times")
    print(
        f"sampling and grouping {compiled / clouds:.2f}, plain torch {plain / clouds:.2f}: ", end=""
    )
    print(f"{plain / compiled:.1f} times faster")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8)
