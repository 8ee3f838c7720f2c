"""What the reliability suites share."""

import pytest

from tests.reliability.world import World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> World:
    """Return undisturbed outputs of all commands, made once for all test processes."""
    base = tmp_path_factory.getbasetemp()
    return World(folder=(base if worker_id == "master" else base.parent) / "world")
