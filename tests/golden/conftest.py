"""The golden networks, each read once."""

from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from benchmark.diffusion.official_checkpoints import read_official_checkpoint
from benchmark.diffusion.paper import EnergyNetwork, PoseNetwork, ScoreNetwork

Network = TypeVar("Network", bound=PoseNetwork)


@pytest.fixture(scope="session")
def recorded_network(golden: Path) -> dict[str, np.ndarray]:
    """Return the arrays of network.npz."""
    return dict(np.load(golden / "network" / "network.npz", allow_pickle=False))


@pytest.fixture(scope="session")
def score_network(golden: Path) -> ScoreNetwork:
    """Return the score network with random weights, for inference."""
    return freeze(ScoreNetwork(), golden / "network" / "score_ckpt.pth")


@pytest.fixture(scope="session")
def energy_network(golden: Path) -> EnergyNetwork:
    """Return the energy network, for inference."""
    return freeze(EnergyNetwork(), golden / "network" / "energy_ckpt.pth")


@pytest.fixture(scope="session")
def fitted_network(golden: Path) -> ScoreNetwork:
    """Return the score network whose heads were fitted for a minute, for inference."""
    network = freeze(ScoreNetwork(), golden / "network" / "score_ckpt.pth")
    heads = read_official_checkpoint(golden / "network" / "score_fit_heads.pth")
    unknown = network.load_state_dict(heads, strict=False).unexpected_keys
    assert not unknown
    return network


def freeze(network: Network, path: Path) -> Network:
    """Load a whole checkpoint and prepare the network for inference."""
    network.load_state_dict(read_official_checkpoint(path))
    network.eval().requires_grad_(False)
    return network
