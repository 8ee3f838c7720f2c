"""Hypotheses per second, beside scipy's solver: `python tests/performance/bench_sampling.py`.

The reference is what a careful user writes after the paper: one call of solve_ivp over the whole
batch, tolerances 1e-5, with a network that is given cloud, time and pose side by side. Both sides
have the same weights, noise and encoded clouds, and are timed in turns.
"""

import argparse
import itertools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from models import load_model
from scipy.integrate import solve_ivp
from timing import time_in_turns
from torch import Tensor, nn

from benchmark.diffusion.compact import CompactModel, apply_preconditioned
from benchmark.diffusion.denoiser import Denoise, PoseModel, bind
from benchmark.diffusion.paper import SCHEDULE, PaperModel
from benchmark.diffusion.presets import PRESETS
from benchmark.diffusion.samplers import SAMPLERS
from benchmark.memory import keep_freed_memory

TOLERANCE = 1e-5
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
WIDTH, POSE = 256, 9


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is timed for one preset.

    Attributes:
        plain: denoiser of the reference, over flat poses (B * K, 9).
        divided: ours.
        sampler, steps: ours.
        sigma_max: where sampling starts.
        products: shapes of the matrix products of one network call, for each pose.
    """

    plain: Denoise
    divided: Denoise
    sampler: str
    steps: int
    sigma_max: float
    products: tuple[tuple[int, int], ...]


def make_points(clouds: int) -> Tensor:
    """Return clouds about as large and as far as real ones."""
    generator = torch.Generator().manual_seed(0)
    shapes = 0.05 * torch.randn((clouds, 1024, 3), generator=generator)
    return shapes + torch.tensor([0.0, 0.0, 1.0])


def build_case(preset: str, points: Tensor, hypotheses: int) -> Case:
    """Return both sides of a preset for some clouds."""
    model, rules = load_model(preset), PRESETS[preset]
    is_paper = isinstance(model, PaperModel)
    build, products = (
        (_join_paper, ((POSE, WIDTH), (WIDTH, WIDTH), (WIDTH, 3 * WIDTH), (3 * WIDTH, 3)))
        if is_paper
        else (_join_compact, ((POSE, WIDTH), *[(WIDTH, WIDTH)] * 6, (WIDTH, POSE)))
    )
    return Case(
        plain=build(model, points, hypotheses),
        divided=bind(model, model.encode(points)),
        sampler=rules.sampler,
        steps=rules.steps,
        sigma_max=rules.get_start_sigma(None),
        products=products,
    )


def _join_paper(model: PoseModel[Any], points: Tensor, hypotheses: int) -> Denoise:
    """Return the paper's network as its figure 6 draws it: one concatenation before each head."""
    assert isinstance(model, PaperModel)
    heads = model.score.pose_score_net
    features = model.score.pts_encoder(points).repeat_interleave(hypotheses, dim=0)
    tails: Iterable[nn.Sequential] = (
        heads.fusion_tail_rot_x,
        heads.fusion_tail_rot_y,
        heads.fusion_tail_trans,
    )

    def denoise(poses: Tensor, sigma: Tensor) -> Tensor:
        t = SCHEDULE.time(sigma).expand(len(poses), 1)
        joined = torch.cat([features, heads.t_encoder(t)[:, 0], heads.pose_encoder(poses)], dim=-1)
        return poses + sigma * torch.cat([tail(joined) for tail in tails], dim=-1)

    return denoise


def _join_compact(model: PoseModel[Any], points: Tensor, hypotheses: int) -> Denoise:
    """Return the compact network that projects the cloud's feature anew for every pose and call."""
    assert isinstance(model, CompactModel)
    from benchmark.diffusion.compact import GroupedClouds

    head = model.score.head
    features = model.score.encoder(GroupedClouds.build(points)).repeat_interleave(hypotheses, 0)

    def denoise(poses: Tensor, sigma: Tensor) -> Tensor:
        levels = sigma.expand(len(poses), 1)
        return apply_preconditioned(head, head.condition(features), poses[:, None], levels)[:, 0]

    return denoise


def sample_plainly(denoise: Denoise, noise: Tensor, sigma_max: float, sigma_min: float) -> int:
    """Sample by solve_ivp over the flattened batch; return the number of network calls."""
    shape = noise.reshape(-1, POSE).shape

    def slope(log_sigma: float, state: np.ndarray) -> np.ndarray:
        poses = torch.from_numpy(state.astype(np.float32)).view(shape)
        denoised = denoise(poses, torch.tensor(np.exp(log_sigma), dtype=torch.float32))
        return (poses - denoised).reshape(-1).numpy()

    start = (sigma_max * noise).reshape(-1).numpy()
    span = (np.log(sigma_max), np.log(sigma_min))
    return int(solve_ivp(slope, span, start, rtol=TOLERANCE, atol=TOLERANCE).nfev)


def count_calls(sample: Callable[[Denoise], object], denoise: Denoise) -> int:
    """Return how often a sampler calls the network."""
    calls = itertools.count()

    def counted(poses: Tensor, sigma: Tensor) -> Tensor:
        next(calls)
        return denoise(poses, sigma)

    sample(counted)
    return next(calls)


def multiply(products: tuple[tuple[int, int], ...], poses: int, calls: int) -> None:
    """Compute the bare matrix products of some network calls."""
    for inputs, outputs in products:
        left, right = torch.ones(poses, inputs), torch.ones(inputs, outputs)
        for _ in range(calls):
            torch.mm(left, right)


@torch.inference_mode()
def report(preset: str, clouds: int, hypotheses: int, repeats: int, clock: str) -> None:
    """Print speeds, their ratio, and how far ours is from its matrix products."""
    case = build_case(preset, make_points(clouds), hypotheses)
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn((clouds, hypotheses, POSE), generator=generator)
    sigmas = PRESETS[preset].make_sigmas(case.steps, case.sigma_max)
    sampler, start = SAMPLERS[case.sampler], sigmas[0] * noise
    calls = count_calls(lambda denoise: sampler(denoise, start, sigmas), case.divided)
    span = case.sigma_max, PRESETS[preset].noise_range[0]
    plain_calls: list[int] = []
    plain, ours, bound = time_in_turns(
        lambda: plain_calls.append(sample_plainly(case.plain, noise, *span)),
        lambda: sampler(case.divided, start, sigmas),
        lambda: multiply(case.products, clouds * hypotheses, calls),
        repeats=repeats,
        clock=CLOCKS[clock],
    )
    total = clouds * hypotheses
    threads = torch.get_num_threads()
    print(f"{preset}: {clouds} objects, K = {hypotheses}, {threads} threads, {clock} seconds")
    first = plain_calls[0]
    print(f"  solve_ivp, 1e-5:  {first:4d} calls {plain:8.3f} s {total / plain:9.0f} poses/s")
    name = f"{case.sampler}, {case.steps}:"
    print(f"  {name:<18}{calls:4d} calls {ours:8.3f} s {total / ours:9.0f} poses/s")
    print(f"  {plain / ours:.0f} times as fast; {ours / bound:.2f} times its matrix products")


def main() -> None:
    """Time both presets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objects", type=int, default=32)
    parser.add_argument("--hypotheses", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--presets", nargs="+", default=["compact", "paper"])
    parser.add_argument(
        "--clock", choices=CLOCKS, default="wall", help="processor: on a machine with other load"
    )
    parser.add_argument("--threads", type=int, help="of torch; 1 where cores are not free")
    arguments = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(arguments.threads or torch.get_num_threads())
    for preset in arguments.presets:
        report(
            preset,
            arguments.objects,
            arguments.hypotheses,
            arguments.repeats,
            arguments.clock,
        )


if __name__ == "__main__":
    main()
