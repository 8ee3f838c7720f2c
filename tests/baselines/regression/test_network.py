"""The regression twin: GenPose's network and clouds, and a loss that sees symmetry or not."""

import numpy as np
import pytest
import torch

from baselines.regression.network import PoseRegressor, compute_pose_loss
from baselines.regression.recipe import PLANS, RegressionRecipe
from benchmark.diffusion.compact import CompactScore
from benchmark.diffusion.compact_recipes import CompactScoreRecipe
from benchmark.diffusion.pose_vector import to_pose_vector
from benchmark.geometry.rotations import rotation_about_y, sample_rotations
from benchmark.training.clouds import CloudBatch

COUNT = 6


def _make_poses(rotation: np.ndarray, offset: float = 0.0) -> torch.Tensor:
    translation = torch.full((len(rotation), 3), offset)
    return to_pose_vector(torch.from_numpy(rotation.astype(np.float32)), translation)


def _make_clouds() -> CloudBatch:
    """Return one cloud of each category; the handle of the mug is hidden."""
    rng = np.random.default_rng(3)
    translation = np.array([0.0, 0.0, 0.8], np.float32)
    points = rng.normal(scale=0.04, size=(COUNT, 1024, 3)).astype(np.float32) + translation
    return CloudBatch(
        points=points,
        rotation=sample_rotations(rng, COUNT).astype(np.float32),
        translation=np.tile(translation, (COUNT, 1)),
        size=np.full((COUNT, 3), 0.1, np.float32),
        category=np.arange(1, COUNT + 1, dtype=np.uint8),
        handle_visible=np.zeros(COUNT, np.uint8),
    )


def _make_recipe(symmetry: str) -> RegressionRecipe:
    recipe = PLANS[symmetry].stages[0].make(None)
    assert isinstance(recipe, RegressionRecipe)
    return recipe


@pytest.fixture
def rotation() -> np.ndarray:
    """Return random rotations."""
    return sample_rotations(np.random.default_rng(0), COUNT)


def test_it_is_genpose_parameter_for_parameter() -> None:
    torch.manual_seed(0)
    score = CompactScore()
    torch.manual_seed(0)
    twin = PoseRegressor()
    shapes = [
        {name: value.shape for name, value in network.state_dict().items()}
        for network in (score, twin)
    ]
    assert shapes[0] == shapes[1]
    for first, second in zip(score.encoder.parameters(), twin.encoder.parameters(), strict=True):
        torch.testing.assert_close(first, second, atol=0, rtol=0)


@pytest.mark.parametrize("symmetry", ["handled", "ignored"])
def test_it_trains_on_the_views_that_genpose_trains_on(symmetry: str) -> None:
    recipes = (_make_recipe(symmetry), CompactScoreRecipe())
    twin, genpose = (r.prepare(_make_clouds(), np.random.default_rng(5)) for r in recipes)
    for name in set(twin) & set(genpose):
        torch.testing.assert_close(twin[name], genpose[name], atol=0, rtol=0)
    assert {"points", "clean"} <= set(twin) & set(genpose)


def test_handled_asks_symmetric_objects_for_their_axis_alone() -> None:
    prepared = _make_recipe("handled").prepare(_make_clouds(), np.random.default_rng(5))
    assert prepared["axis_only"].tolist() == [True, True, False, True, False, True]


def test_ignored_asks_every_object_for_its_whole_rotation() -> None:
    prepared = _make_recipe("ignored").prepare(_make_clouds(), np.random.default_rng(5))
    assert not prepared["axis_only"].any()


def test_the_true_pose_costs_nothing(rotation: np.ndarray) -> None:
    poses = _make_poses(rotation)
    for axis_only in (torch.zeros(COUNT).bool(), torch.ones(COUNT).bool()):
        assert compute_pose_loss(poses, poses, axis_only).abs().max() < 1e-5


def test_turns_about_the_axis_cost_only_where_they_can_be_seen(rotation: np.ndarray) -> None:
    turned = _make_poses(rotation @ rotation_about_y(np.full(COUNT, np.pi)))
    axis_only = torch.arange(COUNT) % 2 == 0
    loss = compute_pose_loss(turned, _make_poses(rotation), axis_only)
    torch.testing.assert_close(loss, torch.where(axis_only, 0.0, 4.0), atol=1e-4, rtol=0)


def test_translation_costs_its_distance(rotation: np.ndarray) -> None:
    moved, axis_only = _make_poses(rotation, 0.5), torch.ones(COUNT).bool()
    loss = compute_pose_loss(moved, _make_poses(rotation), axis_only)
    torch.testing.assert_close(loss, torch.full((COUNT,), 0.75**0.5), atol=1e-5, rtol=0)


def test_an_untrained_network_can_learn() -> None:
    """No parameter of the encoder is cut off from the loss by the head's start at its bias."""
    torch.manual_seed(0)
    recipe = _make_recipe("handled")
    prepared = recipe.prepare(_make_clouds(), np.random.default_rng(5))
    optimiser = torch.optim.SGD(recipe.network.parameters(), lr=0.01)
    for _ in range(2):
        optimiser.zero_grad()
        recipe.compute_loss(prepared).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    gradients = [value.grad for value in recipe.network.encoder.parameters()]
    assert all(g is not None and g.abs().max() > 0 for g in gradients)
