"""Parts of a batch in threads: together they give the gradient of the whole."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.diffusion.compact import CompactScore
from benchmark.diffusion.compact_recipes import CompactEnergyRecipe, CompactScoreRecipe
from benchmark.training.clouds import TrainingClouds
from benchmark.training.loop import Trainer, TrainingOptions
from benchmark.training.recipe import Prepared, Recipe
from benchmark.training.replicas import Replicas

CLOUDS = 32


@pytest.fixture(autouse=True)
def four_threads(set_threads: Callable[[int], None]) -> None:
    """Let torch have four threads."""
    set_threads(4)


def make_compact_score() -> Recipe:
    return CompactScoreRecipe(network=CompactScore(), draws=2)


def make_compact_energy() -> Recipe:
    return CompactEnergyRecipe(score=CompactScore(), draws=2)


def fetch_batch(recipe: Recipe, shards: list[Path]) -> Prepared:
    rng = np.random.default_rng(0)
    clouds = TrainingClouds(shards)
    return recipe.prepare(clouds.fetch(clouds.draw(CLOUDS, 0.5, rng)), rng)


def compute(recipe: Recipe, chunks: int, prepared: Prepared) -> tuple[float, list[Any], Replicas]:
    replicas = Replicas(recipe, chunks, torch.device("cpu"), torch.float32)
    loss = replicas.compute_gradients(prepared)
    gradients = [parameter.grad for parameter in recipe.network.parameters()]
    return float(loss), [None if g is None else g.clone() for g in gradients], replicas


@pytest.mark.parametrize("make", [make_compact_score, make_compact_energy])
@pytest.mark.parametrize("chunks", [2, 4])
def test_parts_give_loss_and_gradients_of_the_whole(
    make: Callable[[], Recipe], chunks: int, shards: list[Path]
) -> None:
    torch.manual_seed(0)
    recipe = make()
    prepared = fetch_batch(recipe, shards)
    loss, gradients, _ = compute(recipe, 1, prepared)
    shared_loss, shared, replicas = compute(recipe, chunks, prepared)
    assert replicas.count == chunks
    assert shared_loss == pytest.approx(loss, rel=1e-5)
    largest = max(float(gradient.abs().max()) for gradient in gradients if gradient is not None)
    for gradient, found in zip(gradients, shared, strict=True):
        assert (gradient is None) == (found is None)
        if gradient is not None:
            torch.testing.assert_close(found, gradient, atol=1e-4 * largest, rtol=1e-3)


@pytest.mark.parametrize(
    ("chunks", "threads", "count"), [(4, 4, 4), (3, 4, 3), (5, 4, 1), (6, 4, 3), (4, 1, 1)]
)
def test_every_part_has_as_many_whole_chunks(chunks: int, threads: int, count: int) -> None:
    torch.set_num_threads(threads)
    recipe: Any = CompactScoreRecipe()
    assert Replicas(recipe, chunks, torch.device("cpu"), torch.float32).count == count


def test_statistics_of_a_batch_and_gpus_are_not_shared(make_recipe: Callable[[], Any]) -> None:
    recipe = make_recipe()
    assert Replicas(recipe, 4, torch.device("cuda"), torch.float32).count == 1
    recipe.network = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))
    assert Replicas(recipe, 4, torch.device("cpu"), torch.float32).count == 1


def test_replicas_follow_the_weights(
    make_recipe: Callable[[], Any], shards: list[Path], tmp_path: Path
) -> None:
    averages = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        options = TrainingOptions(steps=12, precision="float32")
        folder = tmp_path / str(threads)
        trainer = Trainer(
            make_recipe(), TrainingClouds(shards), options, folder, report=lambda _: None
        )
        assert trainer.replicas.count == threads
        trainer.run()
        averages.append(trainer.average)
    for name, value in averages[0].items():
        torch.testing.assert_close(averages[1][name], value, atol=1e-6, rtol=1e-5)


def test_an_error_in_a_part_is_raised(make_recipe: Callable[[], Any], shards: list[Path]) -> None:
    recipe = make_recipe()
    prepared = fetch_batch(recipe, shards)
    prepared["mean"] = prepared["mean"][:, :2]
    with pytest.raises(RuntimeError, match="shapes"):
        compute(recipe, 2, prepared)
