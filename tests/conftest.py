"""Fixtures that every part of the suite shares."""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the golden tests."""
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


@pytest.fixture(scope="session")
def golden(request: pytest.FixtureRequest) -> Path:
    """Return the folder of golden data, or skip the test."""
    folder: Path = request.config.getoption("--golden")
    if not folder.is_dir():
        pytest.skip(f"no golden data at {folder}")
    return folder
