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
from benchmark.training.stepwise_decay import StepwiseDecay
from tests.golden.parity import Archives, Parity, Recorded

SCHEDULE = VarianceExploding()
Network = ScoreNetwork | EnergyNetwork


@pytest.fixture(scope="module")
def recorded(archives: Archives) -> Recorded:
    return archives("losses/losses.npz")


def read_network(golden: Path, name: str) -> Network:
    """Return a network of its own for a test that trains it."""
    network: Network = EnergyNetwork() if name == "energy" else ScoreNetwork()
    kind = "energy" if name == "energy" else "score"
    network.load_state_dict(read_official_checkpoint(golden / "network" / f"{kind}_ckpt.pth"))
    if name == "fit":
        heads = read_official_checkpoint(golden / "network" / "score_fit_heads.pth")
        network.load_state_dict(heads, strict=False)
    return network.train()


def test_the_recorded_noise_is_the_schedules(recorded: Recorded, parity: Parity) -> None:
    sigma = SCHEDULE.sigma(torch.from_numpy(recorded["t"]))
    # torch 1.12 and later ones round a power in float32 by one unit differently.
    parity("noise levels (`std`)", sigma, recorded["std"], rtol=2e-7)
    noisy = torch.from_numpy(recorded["gt"]) + sigma * torch.from_numpy(recorded["z"])
    parity("noisy poses (`perturbed`)", noisy, recorded["perturbed"], share=1e-6)


@pytest.mark.parametrize("name", ["score", "energy", "fit"])
def test_loss_and_gradients_of_the_heads(
    golden: Path, recorded: Recorded, parity: Parity, name: str
) -> None:
    known = recorded.below(f"{name}_")
    network = read_network(golden, name)
    heads = network.pose_score_net
    condition = heads.condition(torch.from_numpy(known["pts_feat"]))
    score = network.score(
        condition,
        torch.from_numpy(recorded["perturbed"])[:, None],
        torch.from_numpy(recorded["t"]),
    )[:, 0]
    parity("scores (`*_estimated_score`)", score.detach(), known["estimated_score"], share=1e-5)
    sigma, noise = torch.from_numpy(recorded["std"][:, 0]), torch.from_numpy(recorded["z"])
    rows = compute_score_matching_loss(score, noise, sigma)
    parity("loss of each row (`*_per_row`)", rows.detach(), known["per_row"], share=1e-5)
    rows.mean().backward()
    parity("loss (`*_loss`)", rows.mean().item(), known["loss"], rtol=1e-5)
    trained = {key: p for key, p in heads.named_parameters() if p.grad is not None}
    norms, gradients = known.below("gradnorm/"), known.below("grad/")
    assert set(trained) == set(norms)
    for key, parameter in trained.items():
        norm = parameter.grad.double().norm()
        parity("gradient norms of heads (`*_gradnorm/*`)", norm, norms[key], rtol=1e-5)
        if key in gradients:
            item = "gradients of heads (`*_grad/*`)"
            parity(item, parameter.grad, gradients[key], share=1e-5)
    total = nn.utils.get_total_norm([p.grad.double() for p in trained.values()])
    item = "their total norm (`*_heads_grad_norm`)"
    parity(item, total, known["heads_grad_norm"], rtol=1e-5)


@pytest.mark.parametrize("name", ["score", "energy"])
def test_one_training_step(
    golden: Path, recorded: Recorded, recorded_network: Recorded, parity: Parity, name: str
) -> None:
    step = recorded.below(f"step_{name}_")
    network = read_network(golden, name)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    features = network.pts_encoder(torch.from_numpy(recorded_network["pts"][:8]))
    item = "features with batch statistics (`step_*_pts_feat_train_mode`)"
    parity(item, features.detach(), step["pts_feat_train_mode"], share=1e-4)

    t, noise = torch.from_numpy(step["t"]).T, torch.from_numpy(step["z"]).transpose(0, 1)
    sigma = SCHEDULE.sigma(t)
    clean = torch.from_numpy(recorded_network["zero_mean_gt_pose"][:8])[:, None]
    condition = network.pose_score_net.condition(features)
    score = network.score(condition, clean + sigma[..., None] * noise, t)
    loss = compute_score_matching_loss(score, noise, sigma).mean()
    parity("loss of a training step (`step_*_loss`)", loss.item(), step["loss"], rtol=1e-4)

    trained = [p for p in network.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(trained, lr=float(step["lr"]))
    loss.backward()
    norm = nn.utils.clip_grad_norm_(trained, 1.0)
    item = "its gradient's norm (`step_*_grad_norm_before_clip`)"
    parity(item, norm, step["grad_norm_before_clip"], rtol=1e-3)
    optimiser.step()

    after = network.state_dict()
    changes = {key: after[key] - before[key] for key in after}
    check_changes(parity, changes, after, step)
    parameters = [key for key, _ in network.named_parameters()]
    total = torch.stack([changes[key].double().square().sum() for key in parameters]).sum().sqrt()
    item = "how far it moves all weights (`step_*_total_delta_norm`)"
    parity(item, total, step["total_delta_norm"], rtol=1e-3)

    average = {key: value.clone() for key, value in before.items()}
    decay = float(step["ema_decay_first"])
    update_average(average, network, decay=0.999, step=1)
    for parameter, known in step.below("ema_after/").items():
        expected = before[parameter].lerp(after[parameter], 1 - decay)
        np.testing.assert_allclose(average[parameter], expected, atol=1e-7)
        item = "averaged weights after it (`step_*_ema_after/*`)"
        parity(item, average[parameter], known, atol=2e-6)


def check_changes(
    parity: Parity, changes: dict[str, Tensor], after: dict[str, Tensor], step: Recorded
) -> None:
    """Compare what a step changed.

    Adam's first step is the sign of the gradient times the rate, so gradients near zero may turn
    their sign by rounding; nearly all entries must agree.
    """
    deltas = step.below("delta/")
    found = np.concatenate([changes[key].numpy().ravel() for key in deltas])
    expected = np.concatenate([value.ravel() for value in deltas.values()])
    near = np.abs(found - expected) < 1e-5
    assert near.mean() > 0.98
    item = "changes of weights, at least 98 % of them (`step_*_delta/*`)"
    parity(item, found[near], expected[near], atol=1e-5)
    item = "changes of weights, all (`step_*_delta/*`)"
    parity(item, found, expected, atol=2.1e-3)
    for key, value in step.below("after/").items():
        item = "running statistics after it (`step_*_after/*`)"
        parity(item, after[key], value, rtol=1e-4, atol=1e-5)


def test_ranking_loss_and_its_gradient(recorded: Recorded, parity: Parity) -> None:
    energies = torch.from_numpy(recorded["ranking_energy"]).requires_grad_()
    errors = torch.from_numpy(recorded["ranking_metrics"])
    ranked = energies.gather(dim=1, index=errors.argsort(dim=1))
    item = "order of the ranking loss (`ranking_sorted_energy`)"
    parity(item, ranked.detach(), recorded["ranking_sorted_energy"])
    loss = compute_ranking_loss(energies, errors)
    loss.backward()
    parity("ranking loss (`ranking_loss`)", loss.item(), recorded["ranking_loss"], rtol=1e-6)
    # Each entry sums terms that nearly cancel, so rounding shows in the small ones.
    item = "its gradient (`ranking_grad`)"
    parity(item, energies.grad, recorded["ranking_grad"], share=1e-3)


def test_averaged_weights(recorded: Recorded, parity: Parity) -> None:
    module = nn.Module()
    module.register_parameter("weight", nn.Parameter(torch.from_numpy(recorded["ema_init"])))
    average = {"weight": module.get_parameter("weight").detach().clone()}
    for i, (value, expected) in enumerate(
        zip(recorded["ema_param"], recorded["ema_shadow"], strict=True)
    ):
        module.get_parameter("weight").data = torch.from_numpy(value)
        update_average(average, module, decay=0.999, step=i + 1)
        item = "averages over 40 updates (`ema_shadow`)"
        parity(item, average["weight"], expected, rtol=1e-5, atol=1e-6)


def test_learning_rate_of_every_step(recorded: Recorded, parity: Parity) -> None:
    rates = recorded["lr_per_step_7_steps_per_epoch"]
    found = [StepwiseDecay().get_rate(step, steps_per_epoch=7) for step in range(len(rates))]
    parity("learning rates (`lr_per_step_*`)", found, rates, rtol=1e-6, atol=1e-12)
