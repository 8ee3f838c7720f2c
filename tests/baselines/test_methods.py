"""The registry of methods, and the documentation that repeats it."""

from pathlib import Path

import pytest

from baselines.importers import FORMS
from baselines.methods import METHODS, get_method
from benchmark.errors import UnknownNameError

FORMATS_PAGE = Path(__file__).resolve().parents[2] / "docs" / "formats.md"


def read_table(heading: str) -> list[list[str]]:
    """Return the body of the first table under a heading of docs/formats.md."""
    section = FORMATS_PAGE.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def test_every_method_is_importable_or_says_why_not() -> None:
    for method in METHODS:
        assert set(method.forms) <= set(FORMS)
        assert method.forms or method.reported_only, method.name


def test_the_page_repeats_the_registry() -> None:
    expected = [[m.title, ", ".join(m.forms), m.published, m.reported_only] for m in METHODS]
    assert read_table("The methods of the paper") == expected


def test_the_page_explains_every_form() -> None:
    assert [row[0] for row in read_table("What is read")] == list(FORMS)


def test_names_are_unique_and_found() -> None:
    assert len({method.name for method in METHODS}) == len(METHODS)
    assert get_method("gpv-pose").title == "GPV-Pose"
    with pytest.raises(UnknownNameError, match="did you mean 'sar-net'"):
        get_method("sarnet")
