"""Accuracy against network calls, every sampler from the same initial noise.

    python tests/performance/measure_sampling.py SHARD... --preset compact --out FILE.csv
    python tests/performance/measure_sampling.py SHARD... --settings heun:12 dpm-solver-2m:5 ...

Each object's poses are sampled by RK45 at tolerance 1e-5 and by every other setting, ranked and
pooled; what is compared is the share of objects within 5 degrees and 2 cm, with a paired bootstrap
over the objects, and how far single hypotheses end up from where RK45 takes them.
"""

import argparse
import csv
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from models import load_model
from torch import Tensor

from benchmark.aggregation import pool_ranked
from benchmark.diffusion.denoiser import Denoise, PoseModel, bind
from benchmark.diffusion.estimator import draw_noise
from benchmark.diffusion.pose_vector import orthonormalise
from benchmark.diffusion.presets import PRESETS
from benchmark.diffusion.samplers import SAMPLERS, Sampler
from benchmark.diffusion.samplers.rk45 import sample_rk45
from benchmark.geometry.symmetry import (
    compute_rotation_error,
    compute_translation_error,
    find_symmetric,
)
from benchmark.training.clouds import CloudBatch, TrainingClouds

Setting = tuple[str, int]

REFERENCE: Setting = ("rk45", 0)
STEPS = {
    "euler": (3, 4, 5, 6, 8, 16),
    "heun": (3, 4, 6, 8, 12),
    "dpm-solver-2m": (3, 4, 5, 6, 8, 10, 12),
    "dpm-solver-3m": (5, 6, 8, 10),
}
BATCH, ROUNDS = 32, 20_000


@dataclass(frozen=True, kw_only=True)
class Part:
    """Some objects of a shard, and the seed of their noise."""

    shard: Path
    start: int
    stop: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What every part is put through."""

    preset: str
    weights: Path | None
    settings: tuple[Setting, ...]
    hypotheses: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one setting made of some objects.

    Attributes:
        hit: (n,) whether the pooled pose is within 5 degrees and 2 cm.
        single: (n,) share of the object's hypotheses that are.
        turn_deg, shift_cm: (n,) median distance of the object's hypotheses to the reference's.
        calls: network calls.
    """

    hit: np.ndarray
    single: np.ndarray
    turn_deg: np.ndarray
    shift_cm: np.ndarray
    calls: int


@dataclass(frozen=True, kw_only=True)
class Row:
    """One setting in the table; accuracies and differences in percent and points.

    `single` and `nearest` show how wide the hypotheses lie: the accuracy of one of them alone, and
    of the best of all.
    """

    preset: str
    sampler: str
    steps: int
    calls: int
    objects: int
    accuracy: float
    difference: float
    low: float
    high: float
    single: float
    nearest: float
    turn_deg: float
    shift_cm: float


def get_sampler(name: str) -> Sampler:
    """Return a sampler by name, the reference with its tolerance."""
    return partial(sample_rk45, tolerance=1e-5) if name == "rk45" else SAMPLERS[name]


def count_calls(denoise: Denoise, calls: list[int]) -> Denoise:
    """Return the denoiser that adds to `calls` whenever it is called."""

    def counted(poses: Tensor, sigma: Tensor) -> Tensor:
        calls[0] += 1
        return denoise(poses, sigma)

    return counted


def measure_part(plan: Plan, part: Part) -> list[Outcome]:
    """Return the outcome of every setting on some objects, the reference first."""
    clouds = _open_clouds(part.shard)
    batch = clouds.fetch(np.arange(part.start, min(part.stop, len(clouds))))
    keys = np.random.SeedSequence(part.seed).generate_state(len(batch.points), np.uint64)
    noise = draw_noise(keys, plan.hypotheses)
    return list(sample_settings(_load_model(plan.preset, plan.weights), plan, batch, noise))


@cache
def _open_clouds(shard: Path) -> TrainingClouds:
    return TrainingClouds([shard])


@cache
def _load_model(preset: str, weights: Path | None) -> PoseModel[Any]:
    torch.set_num_threads(1)
    return load_model(preset, weights)


@torch.inference_mode()
def sample_settings(
    model: PoseModel[Any], plan: Plan, clouds: CloudBatch, noise: Tensor
) -> Iterator[Outcome]:
    """Yield the outcome of every setting on the same clouds and noise, the reference first."""
    rules = PRESETS[plan.preset]
    features = model.encode(torch.from_numpy(clouds.points))
    reference: tuple[np.ndarray, np.ndarray] | None = None
    for name, steps in plan.settings:
        calls = [0]
        sigmas = rules.make_sigmas(max(steps, 2), rules.get_start_sigma(None))
        denoise = count_calls(bind(model, features), calls)
        poses = orthonormalise(get_sampler(name)(denoise, sigmas[0] * noise, sigmas))
        energies = model.compute_energies(features, poses)
        rotation, translation = (x.numpy() for x in model.restore_poses(features, poses))
        reference = reference or (rotation, translation)
        pooled = pool_ranked(rotation, translation, None if energies is None else energies.numpy())
        yield Outcome(
            hit=find_hits(*pooled, clouds),
            single=find_hits(rotation.swapaxes(0, 1), translation.swapaxes(0, 1), clouds).mean(0),
            turn_deg=np.median(np.degrees(_turn_between(rotation, reference[0])), axis=1),
            shift_cm=np.median(100 * _shift_between(translation, reference[1]), axis=1),
            calls=calls[0],
        )


def find_hits(rotation: np.ndarray, translation: np.ndarray, clouds: CloudBatch) -> np.ndarray:
    """Return whether poses (..., n, 3, 3), (..., n, 3) are within 5 degrees and 2 cm of truth."""
    symmetric = find_symmetric(clouds.category, clouds.handle_visible)
    turn = np.degrees(compute_rotation_error(rotation, clouds.rotation, symmetric))
    shift = 100 * compute_translation_error(translation, clouds.translation)
    return (turn <= 5) & (shift <= 2)


def _turn_between(rotation: np.ndarray, other: np.ndarray) -> np.ndarray:
    return compute_rotation_error(rotation, other, np.zeros(rotation.shape[:2], dtype=bool))


def _shift_between(translation: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.linalg.norm(translation - other, axis=-1)


def summarise(preset: str, outcomes: dict[Setting, list[Outcome]]) -> list[Row]:
    """Return the table of all objects so far."""
    truth = np.concatenate([part.hit for part in outcomes[REFERENCE]])
    rows = []
    for (sampler, steps), parts in outcomes.items():
        hit = np.concatenate([part.hit for part in parts])
        single = np.concatenate([part.single for part in parts])
        low, high = bootstrap_difference(hit, truth)
        rows.append(
            Row(
                preset=preset,
                sampler=sampler,
                steps=steps,
                calls=round(np.mean([part.calls for part in parts])),
                objects=len(hit),
                accuracy=round(100 * hit.mean(), 3),
                difference=round(100 * (hit.mean() - truth.mean()), 3),
                low=round(low, 3),
                high=round(high, 3),
                single=round(100 * single.mean(), 3),
                nearest=round(100 * (single > 0).mean(), 3),
                turn_deg=round(np.median(np.concatenate([p.turn_deg for p in parts])), 4),
                shift_cm=round(np.median(np.concatenate([p.shift_cm for p in parts])), 4),
            )
        )
    return rows


def bootstrap_difference(hit: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval, in points, of the difference of two shares over the same objects.

    An object adds -1, 0 or 1, so that resampling the objects is a multinomial draw.
    """
    change = hit.astype(int) - truth
    shares = [(change == value).mean() for value in (-1, 0, 1)]
    draws = np.random.default_rng(0).multinomial(len(change), shares, size=ROUNDS)
    low, high = np.percentile(100 * (draws[:, 2] - draws[:, 0]) / len(change), [2.5, 97.5])
    return float(low), float(high)


def write_rows(path: Path, rows: list[Row]) -> None:
    """Write the table as CSV."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [item.name for item in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def list_parts(shards: list[Path], limit: int | None) -> list[Part]:
    """Return all objects of the shards, or the first `limit` of each, in batches."""
    places = [
        (path, start)
        for path in shards
        for start in range(0, min(len(_open_clouds(path)), limit or 10**9), BATCH)
    ]
    return [
        Part(shard=path, start=start, stop=min(start + BATCH, limit or 10**9), seed=seed)
        for seed, (path, start) in enumerate(places)
    ]


def read_settings(names: list[str] | None) -> tuple[Setting, ...]:
    """Return the settings named "sampler:steps", all of them by default, the reference first."""
    chosen = [(name, steps) for name, counts in STEPS.items() for steps in counts]
    if names:
        chosen = [(name, int(steps)) for name, _, steps in (text.partition(":") for text in names)]
    return (REFERENCE, *chosen)


def main() -> None:
    """Measure all settings; the table is written again after every batch."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shards", type=Path, nargs="+")
    parser.add_argument("--preset", default="compact")
    parser.add_argument("--weights", type=Path, help="name or folder; the preset's own by default")
    parser.add_argument("--hypotheses", type=int, default=50)
    parser.add_argument("--limit", type=int, help="objects of each shard")
    parser.add_argument("--settings", nargs="+", metavar="SAMPLER:STEPS")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    plan = Plan(
        preset=arguments.preset,
        weights=arguments.weights,
        settings=read_settings(arguments.settings),
        hypotheses=arguments.hypotheses,
    )
    outcomes: dict[Setting, list[Outcome]] = {setting: [] for setting in plan.settings}
    parts = list_parts(arguments.shards, arguments.limit)
    with ProcessPoolExecutor(arguments.workers) as pool:
        for measured in pool.map(partial(measure_part, plan), parts):
            for setting, outcome in zip(plan.settings, measured, strict=True):
                outcomes[setting].append(outcome)
            write_rows(arguments.out, summarise(arguments.preset, outcomes))


if __name__ == "__main__":
    main()
