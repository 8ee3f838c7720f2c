"""The golden set: its archives, its networks, and comparisons with it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from benchmark.diffusion.official_checkpoints import read_official_checkpoint
from benchmark.diffusion.paper import EnergyNetwork, PoseNetwork, ScoreNetwork
from benchmark.predictions import Predictions
from tests.golden.frames import build_predictions, read_frames
from tests.golden.parity import Archives, Parity, Recorded, Report, explain_unread
from tests.golden.without_counterpart import REASONS

Network = TypeVar("Network", bound=PoseNetwork)


@pytest.fixture(scope="session")
def archives(golden: Path) -> Archives:
    """Return the archives of the golden set, by path."""
    return Archives(golden)


@pytest.fixture(scope="session")
def parity_report(request: pytest.FixtureRequest, archives: Archives) -> Iterator[Report]:
    """Collect what is compared; write it at the end where a file is given for it."""
    report = Report()
    yield report
    path: Path | None = request.config.getoption("--parity-report")
    if path and not request.session.testsfailed:
        assert not hasattr(request.config, "workerinput"), "--parity-report: without -n"
        report.write(path, explain_unread(archives.find_unread(), REASONS))


@pytest.fixture
def parity(request: pytest.FixtureRequest, parity_report: Report) -> Parity:
    """Return what compares arrays for the test's file."""
    return Parity(parity_report, request.path.name)


@pytest.fixture(scope="session")
def build(golden: Path) -> Callable[..., Predictions]:
    """Build predictions of a folder of frames below evaluator/."""

    def built(name: str, *, hypotheses: bool = True) -> Predictions:
        return build_predictions(read_frames(golden / "evaluator" / name), hypotheses=hypotheses)

    return built


@pytest.fixture(scope="session")
def recorded_network(archives: Archives) -> Recorded:
    """Return the arrays of network.npz."""
    return archives("network/network.npz")


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
