"""Alignment against recorded outputs of SPD's and NOCS's code."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.geometry.alignment import (
    Similarity,
    estimate_similarity,
    estimate_similarity_robustly,
)

CASES = range(8)
TOLERANCE = 1e-10


@pytest.fixture(scope="module")
def recorded(golden: Path) -> dict[str, np.ndarray]:
    with np.load(golden / "align" / "align.npz") as archive:
        return dict(archive)


def assert_recorded(fit: Similarity, recorded: dict[str, np.ndarray], prefix: str) -> None:
    np.testing.assert_allclose(fit.scale, recorded[f"{prefix}_scale"], rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(fit.rotation, recorded[f"{prefix}_R"], rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(fit.translation, recorded[f"{prefix}_t"], rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(fit.to_matrix(), recorded[f"{prefix}_T"], rtol=0, atol=TOLERANCE)


def test_recorded_cases_are_all_compared(recorded: dict[str, np.ndarray]) -> None:
    assert len(recorded["cases"]) == len(CASES)


@pytest.mark.parametrize("case", CASES)
def test_least_squares(recorded: dict[str, np.ndarray], case: int) -> None:
    fit = estimate_similarity(recorded[f"c{case}_source"], recorded[f"c{case}_target"])
    assert_recorded(fit, recorded, f"c{case}_umeyama")


@pytest.mark.parametrize("case", CASES)
def test_nocs_variant_is_the_transposed_rotation(
    recorded: dict[str, np.ndarray], case: int
) -> None:
    fit = estimate_similarity(recorded[f"c{case}_source"], recorded[f"c{case}_target"])
    transposed = Similarity(fit.scale, fit.rotation.T, fit.translation)
    np.testing.assert_allclose(recorded[f"c{case}_nocs_umeyama_scale"], fit.scale, atol=TOLERANCE)
    np.testing.assert_allclose(
        recorded[f"c{case}_nocs_umeyama_R"], transposed.rotation, atol=TOLERANCE
    )
    np.testing.assert_allclose(
        recorded[f"c{case}_nocs_umeyama_t"], transposed.translation, atol=TOLERANCE
    )
    np.testing.assert_allclose(
        recorded[f"c{case}_nocs_umeyama_T"], transposed.to_matrix(), atol=TOLERANCE
    )


@pytest.mark.parametrize("case", CASES)
def test_robust_fit_for_the_recorded_draws(recorded: dict[str, np.ndarray], case: int) -> None:
    fit = estimate_similarity_robustly(
        recorded[f"c{case}_source"],
        recorded[f"c{case}_target"],
        recorded[f"c{case}_ransac_indices"],
    )
    if recorded[f"c{case}_ransac_none"]:
        assert fit is None
    else:
        assert fit is not None
        assert_recorded(fit, recorded, f"c{case}_ransac")
