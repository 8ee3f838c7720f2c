"""Losses, gradients, one training step, averaging and learning rate against recorded ones."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmark.diffusion.losses import compute_ranking_loss, compute_score_matching_loss
from benchmark.diffusion.official_checkpoints import read_official_checkpoint
from benchmark.diffusion.paper import EnergyNetwork, ScoreNetwork
from benchmark.diffusion.schedule import VarianceExploding
from benchmark.training.loop import update_average
from benchmark.training.recipe import StepwiseDecay

SCHEDULE = VarianceExploding()
Recorded = dict[str, np.ndarray]
Network = ScoreNetwork | EnergyNetwork


@pytest.fixture(scope="module")
def recorded(golden: Path) -> Recorded:
    return dict(np.load(golden / "losses" / "losses.npz", allow_pickle=False))


def read_network(golden: Path, name: str) -> Network:
    """Return a network of its own for a test that trains it."""
    network: Network = EnergyNetwork() if name == "energy" else ScoreNetwork()
    kind = "energy" if name == "energy" else "score"
    network.load_state_dict(read_official_checkpoint(golden / "network" / f"{kind}_ckpt.pth"))
    if name == "fit":
        heads = read_official_checkpoint(golden / "network" / "score_fit_heads.pth")
        network.load_state_dict(heads, strict=False)
    return network.train()


def assert_near(found: Tensor, expected: np.ndarray, share: float) -> None:
    """Compare within a share of the largest expected value."""
    tolerance = share * float(np.abs(expected).max())
    np.testing.assert_allclose(found.detach().numpy(), expected, atol=tolerance, rtol=0)


def test_the_recorded_noise_is_the_schedules(recorded: Recorded) -> None:
    sigma = SCHEDULE.sigma(torch.from_numpy(recorded["t"]))
    # torch 1.12 and later ones round a power in float32 by one unit differently.
    np.testing.assert_allclose(sigma, recorded["std"], rtol=2e-7, atol=0)
    noisy = torch.from_numpy(recorded["gt"]) + sigma * torch.from_numpy(recorded["z"])
    assert_near(noisy, recorded["perturbed"], 1e-6)


@pytest.mark.parametrize("name", ["score", "energy", "fit"])
def test_loss_and_gradients_of_the_heads(golden: Path, recorded: Recorded, name: str) -> None:
    network = read_network(golden, name)
    heads = network.pose_score_net
    condition = heads.condition(torch.from_numpy(recorded[f"{name}_pts_feat"]))
    score = network.score(
        condition,
        torch.from_numpy(recorded["perturbed"])[:, None],
        torch.from_numpy(recorded["t"]),
    )[:, 0]
    assert_near(score, recorded[f"{name}_estimated_score"], 1e-5)
    sigma, noise = torch.from_numpy(recorded["std"][:, 0]), torch.from_numpy(recorded["z"])
    rows = compute_score_matching_loss(score, noise, sigma)
    assert_near(rows, recorded[f"{name}_per_row"], 1e-5)
    rows.mean().backward()
    np.testing.assert_allclose(rows.mean().item(), recorded[f"{name}_loss"], rtol=1e-5)
    trained = {key: p for key, p in heads.named_parameters() if p.grad is not None}
    assert {f"{name}_gradnorm/{key}" for key in trained} == {
        key for key in recorded if key.startswith(f"{name}_gradnorm/")
    }
    for key, parameter in trained.items():
        norm = recorded[f"{name}_gradnorm/{key}"]
        np.testing.assert_allclose(parameter.grad.double().norm(), norm, rtol=1e-5)
        if (expected := recorded.get(f"{name}_grad/{key}")) is not None:
            assert_near(parameter.grad, expected, 1e-5)
    total = nn.utils.get_total_norm([p.grad.double() for p in trained.values()])
    np.testing.assert_allclose(total, recorded[f"{name}_heads_grad_norm"], rtol=1e-5)


@pytest.mark.parametrize("name", ["score", "energy"])
def test_one_training_step(golden: Path, recorded: Recorded, name: str) -> None:
    step = {k.removeprefix(f"step_{name}_"): v for k, v in recorded.items() if f"step_{name}_" in k}
    network = read_network(golden, name)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    arrays = np.load(golden / "network" / "network.npz")
    features = network.pts_encoder(torch.from_numpy(arrays["pts"][:8]))
    assert_near(features, step["pts_feat_train_mode"], 1e-4)

    t, noise = torch.from_numpy(step["t"]).T, torch.from_numpy(step["z"]).transpose(0, 1)
    sigma = SCHEDULE.sigma(t)
    clean = torch.from_numpy(arrays["zero_mean_gt_pose"][:8])[:, None]
    condition = network.pose_score_net.condition(features)
    score = network.score(condition, clean + sigma[..., None] * noise, t)
    loss = compute_score_matching_loss(score, noise, sigma).mean()
    np.testing.assert_allclose(loss.item(), step["loss"], rtol=1e-4)

    trained = [p for p in network.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(trained, lr=float(step["lr"]))
    loss.backward()
    norm = nn.utils.clip_grad_norm_(trained, 1.0)
    np.testing.assert_allclose(norm, step["grad_norm_before_clip"], rtol=1e-3)
    optimiser.step()

    after = network.state_dict()
    changes = {key: after[key] - before[key] for key in after}
    check_changes(changes, after, step)
    parameters = [key for key, _ in network.named_parameters()]
    total = torch.stack([changes[key].double().square().sum() for key in parameters]).sum().sqrt()
    np.testing.assert_allclose(total, step["total_delta_norm"], rtol=1e-3)

    average = {key: value.clone() for key, value in before.items()}
    decay = float(step["ema_decay_first"])
    update_average(average, network, decay=0.999, step=1)
    for key in [key for key in step if key.startswith("ema_after/")]:
        parameter = key.removeprefix("ema_after/")
        expected = before[parameter].lerp(after[parameter], 1 - decay)
        np.testing.assert_allclose(average[parameter], expected, atol=1e-7)
        np.testing.assert_allclose(average[parameter], step[key], atol=2e-6)


def check_changes(changes: dict[str, Tensor], after: dict[str, Tensor], step: Recorded) -> None:
    """Compare what a step changed.

    Adam's first step is the sign of the gradient times the rate, so gradients near zero may turn
    their sign by rounding; nearly all entries must agree.
    """
    found, expected = [], []
    for key, value in step.items():
        if key.startswith("delta/"):
            found.append(changes[key.removeprefix("delta/")].numpy().ravel())
            expected.append(value.ravel())
        if key.startswith("after/"):
            name = key.removeprefix("after/")
            np.testing.assert_allclose(after[name], value, rtol=1e-4, atol=1e-5)
    difference = np.abs(np.concatenate(found) - np.concatenate(expected))
    assert (difference < 1e-5).mean() > 0.98
    assert difference.max() < 2.1e-3


def test_ranking_loss_and_its_gradient(recorded: Recorded) -> None:
    energies = torch.from_numpy(recorded["ranking_energy"]).requires_grad_()
    errors = torch.from_numpy(recorded["ranking_metrics"])
    ranked = energies.gather(dim=1, index=errors.argsort(dim=1))
    np.testing.assert_array_equal(ranked.detach(), recorded["ranking_sorted_energy"])
    loss = compute_ranking_loss(energies, errors)
    loss.backward()
    np.testing.assert_allclose(loss.item(), recorded["ranking_loss"], rtol=1e-6)
    # Each entry sums terms that nearly cancel, so rounding shows in the small ones.
    assert_near(energies.grad, recorded["ranking_grad"], 1e-3)


def test_averaged_weights(recorded: Recorded) -> None:
    module = nn.Module()
    module.register_parameter("weight", nn.Parameter(torch.from_numpy(recorded["ema_init"])))
    average = {"weight": module.get_parameter("weight").detach().clone()}
    for i, (value, expected) in enumerate(
        zip(recorded["ema_param"], recorded["ema_shadow"], strict=True)
    ):
        module.get_parameter("weight").data = torch.from_numpy(value)
        update_average(average, module, decay=0.999, step=i + 1)
        np.testing.assert_allclose(average["weight"], expected, rtol=1e-5, atol=1e-6)


def test_learning_rate_of_every_step(recorded: Recorded) -> None:
    rates = recorded["lr_per_step_7_steps_per_epoch"]
    found = [StepwiseDecay().get_rate(step, steps_per_epoch=7) for step in range(len(rates))]
    np.testing.assert_allclose(found, rates, rtol=1e-6, atol=1e-12)
