"""Fixtures that every part of the suite shares."""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names the folder of golden data."""
    parser.addoption(
        "--golden",
        type=Path,
        default=REPOSITORY.parent / "shared" / "golden",
        help="folder with recorded outputs of the official code; its tests skip where it is absent",
    )


@pytest.fixture(scope="session")
def golden(request: pytest.FixtureRequest) -> Path:
    """Return the folder of golden data, or skip the test."""
    folder: Path = request.config.getoption("--golden")
    if not folder.is_dir():
        pytest.skip(f"no golden data at {folder}")
    return folder
