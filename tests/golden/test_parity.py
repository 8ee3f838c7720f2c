"""The comparison itself: what it lets pass, what it records, and what it finds missing."""

from pathlib import Path

import numpy as np
import pytest

from tests.golden.parity import BEGIN, END, Archives, Parity, Report, explain_unread


def test_differences_beyond_the_tolerance_fail() -> None:
    compare = Parity(Report(), "file")
    expected = np.array([1.0, np.nan, 100.0])
    compare("absolute", expected + 0.09, expected, atol=0.1)
    compare("share", expected + 0.9, expected, share=0.01)
    for tolerance in ({"atol": 0.1}, {"rtol": 0.1}, {"share": 0.001}, {}):
        with pytest.raises(AssertionError):
            compare("too far", expected + 0.11, expected, **tolerance)
    with pytest.raises(AssertionError):
        compare("NaN elsewhere", np.ones(3), expected, atol=1e9)
    with pytest.raises(AssertionError):
        compare("another shape", np.ones((1, 3)), np.ones(3))


def test_a_row_holds_the_largest_difference_and_all_values() -> None:
    report = Report()
    compare = Parity(report, "file")
    compare("item", [1.0, 2.0], [1.0, 2.5], atol=1.0)
    compare("item", [4.0], [4.25], atol=1.0)
    compare("item", [1.0], [1.0])
    assert {key[2]: (row.largest, row.values) for key, row in report.compared.items()} == {
        "1": (0.5, 3),
        "exact": (0.0, 1),
    }


def test_what_is_not_read_needs_a_reason(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", a_x=np.ones(1), a_y=np.ones(1), seed=np.ones(1))
    archives = Archives(tmp_path)
    below = archives("some.npz").below("a_")
    assert list(below) == ["x", "y"]
    assert "x" in below
    assert below["x"] == 1
    unread = archives.find_unread()
    assert unread == ["some.npz: a_y", "some.npz: seed"]
    with pytest.raises(AssertionError, match="a_y"):
        explain_unread(unread, {"*: seed": "recorded draws"})
    with pytest.raises(AssertionError, match="a_x"):
        explain_unread(unread, {"*: a_y": "", "*: seed": "", "*: a_x": "compared by now"})
    assert explain_unread(unread, {"*": "both"}) == {"`*` | both": 2}


def test_only_the_measured_part_of_the_document_is_written(tmp_path: Path) -> None:
    path = tmp_path / "parity.md"
    path.write_text(f"before\n{BEGIN}\nof last year\n{END}\nafter\n")
    report = Report()
    Parity(report, "test_some.py")("item", [1.0], [1.0])
    report.write(path, {"`some` | reason": 1})
    text = path.read_text()
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "of last year" not in text
    assert "| item | exact | 0 | 1 |" in text
    path.write_text("no markers")
    with pytest.raises(ValueError, match="expected the lines"):
        report.write(path, {})
