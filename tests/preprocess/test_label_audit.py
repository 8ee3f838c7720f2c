"""Derived labels against a known truth: errors are those that were put in."""

import json
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from benchmark.cli.main import main
from benchmark.errors import DataFormatError
from preprocess.label_audit import compare_labels, summarize_errors
from preprocess.synthetic.truth import TRUTH_FILE, Truth, write_truth


def write_known_truth(tree: Any, *, turn_deg: float = 0.0, shift_mm: float = 0.0) -> None:
    """Write the renderer's file for the tree of ellipsoids, off by a known turn and shift."""
    rows = [(name, item) for name, items in tree.objects.items() for item in items]
    angle = np.deg2rad(turn_deg)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    transform = np.array([item.transform @ turn for _, item in rows])
    transform[:, 2, 3] += shift_mm / 1000
    truth = Truth(
        frame=[name for name, _ in rows],
        instance=[item.id for _, item in rows],
        category=[item.category for _, item in rows],
        model=[item.name for _, item in rows],
        transform=transform,
        extents=[item.extents / np.linalg.norm(item.extents) for _, item in rows],
        visible_pixels=np.full(len(rows), 1000),
        visible_fraction=np.ones(len(rows)),
        handle_pixels=np.zeros(len(rows)),
        handle_visible=np.ones(len(rows)),
    )
    write_truth(tree.root / TRUTH_FILE, truth)


def test_errors_are_those_that_were_put_in(nocs_tree: Any) -> None:
    write_known_truth(nocs_tree)
    base = compare_labels(nocs_tree.root)
    assert len(base) == 9
    assert base["rotation_deg"].max() < 0.5
    assert base["translation_mm"].max() < 2
    write_known_truth(nocs_tree, turn_deg=10, shift_mm=30)
    off = compare_labels(nocs_tree.root)
    np.testing.assert_allclose(off["rotation_deg"], 10, atol=0.5)
    np.testing.assert_allclose(off["translation_mm"], 30, atol=2)


def test_summary_has_a_row_for_each_source_and_category(nocs_tree: Any) -> None:
    write_known_truth(nocs_tree)
    summary = summarize_errors(compare_labels(nocs_tree.root))
    assert list(zip(summary["source"], summary["category"], strict=True)) == [
        (source, name) for source in ("camera", "real") for name in ("bottle", "laptop", "mug")
    ]
    assert summary["objects"].tolist() == [2, 2, 2, 1, 1, 1]
    result = CliRunner().invoke(main, ["doctor", str(nocs_tree.root), "--labels", "--json"])
    assert len(json.loads(result.stdout)) == 6


def test_only_synth6_has_a_truth_to_compare_with(nocs_tree: Any) -> None:
    with pytest.raises(DataFormatError, match="synth6 alone"):
        compare_labels(nocs_tree.root)
