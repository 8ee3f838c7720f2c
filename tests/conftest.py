"""Fixtures that every part of the suite shares."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the golden tests and of the reliability suites."""
    parser.addoption(
        "--golden",
        type=Path,
        default=REPOSITORY.parent / "shared" / "golden",
        help="folder with recorded outputs of the official code; its tests skip where it is absent",
    )
    parser.addoption(
        "--parity-report",
        type=Path,
        help="document whose measured part to write again; takes all of tests/golden, without -n",
    )
    parser.addoption(
        "--full",
        action="store_true",
        help="reliability suites: every kill, fault and bad input, not just a few of each",
    )


@pytest.fixture
def set_threads() -> Iterator[Callable[[int], None]]:
    """Return what sets torch's number of threads, for the length of a test."""
    import torch

    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def golden(request: pytest.FixtureRequest) -> Path:
    """Return the folder of golden data, or skip the test."""
    folder: Path = request.config.getoption("--golden")
    if not folder.is_dir():
        pytest.skip(f"no golden data at {folder}")
    return folder


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Tell whether the reliability suites run in their full form."""
    return bool(request.config.getoption("--full"))
