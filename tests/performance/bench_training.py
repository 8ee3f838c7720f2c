"""Training speed of both presets, and where the time goes: what limits it, and how far it is off.

    python tests/performance/bench_training.py [--shards FOLDER] [--steps 10]

Processor seconds are counted, by one thread: on a busy machine, a second one spins while it waits.
The bound is the matrix products of forward and backward pass at the speed of one large product, in
float32 and in the precision that training takes here. Last lines are the training loop itself, with
one thread and with one for every core, by the clock: how long a step takes, and how much of it is
waiting for data.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from timing import BENCH_DATA
from torch.utils.flop_counter import FlopCounterMode

from benchmark.diffusion import compact, compact_recipes, paper_recipes
from benchmark.diffusion.compact_recipes import CompactScoreRecipe
from benchmark.diffusion.paper_recipes import PaperRecipe
from benchmark.environment import count_cores
from benchmark.memory import keep_freed_memory
from benchmark.networks import patch_encoder, pointnet2
from benchmark.networks.patch_pooling import pool_patches_in_layers
from benchmark.shards import find_shards
from benchmark.training import loop
from benchmark.training.clouds import TrainingClouds
from benchmark.training.loop import Trainer, TrainingOptions
from benchmark.training.options import Precision
from benchmark.training.recipe import Recipe

SIDE = 1024
PRECISIONS: tuple[Precision, ...] = ("float32", "auto")
STAGES: dict[str, tuple[tuple[Any, str], ...]] = {
    "reading clouds": ((TrainingClouds, "draw"), (TrainingClouds, "fetch")),
    "augmentation": (
        (compact_recipes, "augment_clouds"),
        (paper_recipes, "augment_as_released"),
    ),
    "neighbour search": (
        (compact, "group_nearest"),
        (pointnet2, "sample_farthest"),
        (pointnet2, "find_in_ball"),
    ),
    "backward pass": ((torch.Tensor, "backward"),),
    "optimiser": ((torch.optim.Adam, "step"), (torch.optim.AdamW, "step")),
    "gradient norm": ((torch.nn.utils, "clip_grad_norm_"),),
    "averaged weights": ((loop, "update_average"),),
}
FORWARD = ((CompactScoreRecipe, "compute_loss"), (PaperRecipe, "compute_loss"))


@contextmanager
def counting(spent: dict[str, float]) -> Iterator[None]:
    """Add the processor seconds of every stage to `spent` while the block runs."""

    def count(stage: str, function: Any) -> Any:
        def counted(*arguments: Any, **named: Any) -> Any:
            start = time.thread_time()
            try:
                return function(*arguments, **named)
            finally:
                spent[stage] += time.thread_time() - start

        return counted

    places = [(stage, *place) for stage, found in STAGES.items() for place in found]
    places += [("forward pass", *place) for place in FORWARD]
    patches = [
        patch.object(owner, name, count(stage, getattr(owner, name)))
        for stage, owner, name in places
    ]
    for item in patches:
        item.start()
    try:
        yield
    finally:
        for item in reversed(patches):
            item.stop()


def measure_products(precision: torch.dtype, repeats: int = 9) -> float:
    """Return the speed of a large matrix product: multiply-adds a processor second."""
    left, right = torch.randn(2, SIDE, SIDE).to(precision)
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        torch.mm(left, right)
        seconds.append(time.process_time() - start)
    return SIDE**3 / min(seconds)


def make_trainer(recipe: Recipe, shards: Path, folder: Path, precision: Precision) -> Trainer:
    """Return a trainer that neither logs nor saves while it is timed."""
    never = 10**9
    options = TrainingOptions(
        steps=never,
        save_every=never,
        log_every=never,
        validate_every=never,
        save_seconds=never,
        precision=precision,
    )
    return Trainer(recipe, TrainingClouds(find_shards(shards, split="train")), options, folder)


def count_products(trainer: Trainer) -> int:
    """Return the multiply-adds of the matrix products of one step, patches included."""
    prepared = trainer._load(0)
    with (
        FlopCounterMode(display=False) as counter,
        patch.object(patch_encoder, "pool_patches", pool_patches_in_layers),
    ):
        trainer.recipe.compute_loss(prepared).backward()
    trainer.optimiser.zero_grad(set_to_none=True)
    return counter.get_total_flops() // 2


def report(name: str, recipe: Recipe, shards: Path, steps: int, precision: Precision) -> None:
    """Print processor time a step, its shares, and its ratio to the bound."""
    trainer = make_trainer(recipe, shards, BENCH_DATA / "training" / name, precision)
    products = count_products(trainer)
    trainer._update(trainer._load(0))
    spent: dict[str, float] = defaultdict(float)
    started = time.process_time()
    with counting(spent):
        for step in range(1, steps + 1):
            trainer._update(trainer._load(step))
    total = (time.process_time() - started) / steps
    bound = products / measure_products(trainer.precision)
    size, kind = recipe.batch_size, str(trainer.precision).removeprefix("torch.")
    print(f"{name}, {kind}: {size} clouds x {recipe.draws} draws a step")
    print(f"  {total:.3f} processor seconds a step, {size / total:.0f} clouds a processor second")
    print(f"  bound by {products / 1e9:.1f} G multiply-adds: {size / bound:.0f}, ", end="")
    print(f"{total / bound:.2f} times the bound")
    if "neighbour search" in spent and isinstance(recipe, PaperRecipe):
        spent["forward pass"] -= spent["neighbour search"]
    spent["else"] = steps * total - sum(spent.values())
    for stage, seconds in sorted(spent.items(), key=lambda item: -item[1]):
        print(f"    {stage:<18}{1e3 * seconds / steps:8.1f} ms {seconds / steps / total:6.1%}")


def report_loop(recipe: Recipe, shards: Path, steps: int, threads: int) -> None:
    """Print how long a step takes by the clock while the next batches are made beside it."""
    torch.set_num_threads(threads)
    trainer = make_trainer(recipe, shards, BENCH_DATA / "training" / "loop", "auto")
    batches, taken, waited = trainer._batches(0), [], 0.0
    for _ in range(steps):
        start = time.perf_counter()
        prepared = next(batches)
        fetched = time.perf_counter()
        trainer._update(prepared)
        waited += fetched - start
        taken.append(time.perf_counter() - start)
    batches.close()
    taken.sort()
    print(f"training loop, {threads} threads: ", end="")
    print(f"fastest step {taken[0]:.3f} s, median {taken[len(taken) // 2]:.3f} s; ", end="")
    print(f"{waited / sum(taken):.1%} of the time waits for data")


def make_training_shards() -> Path:
    """Return a folder with 2,000 training objects, rendered on the first call."""
    from preprocess.synthetic.training_shards import write_training_shards

    folder = BENCH_DATA / "train"
    write_training_shards(folder, count=2000, instances_per_category=60, seed=0, source="real")
    return folder


def main() -> None:
    """Time both presets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shards", type=Path)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--draws", type=int, default=8, help="of compact")
    parser.add_argument("--presets", nargs="+", default=["compact", "paper"])
    arguments = parser.parse_args()
    shards = arguments.shards or make_training_shards()
    keep_freed_memory()
    torch.set_num_threads(1)
    for precision in PRECISIONS:
        torch.manual_seed(0)
        if "compact" in arguments.presets:
            recipe = replace(CompactScoreRecipe(), draws=arguments.draws)
            report("compact", recipe, shards, arguments.steps, precision)
        if "paper" in arguments.presets:
            recipe = PaperRecipe(batch_size=16)
            report("paper", recipe, shards, max(1, arguments.steps // 5), precision)
    if "compact" in arguments.presets:
        recipe = replace(CompactScoreRecipe(), draws=arguments.draws)
        for threads in (1, count_cores()):
            report_loop(recipe, shards, 3 * arguments.steps, threads)


if __name__ == "__main__":
    main()
