"""Alignment against recorded outputs of SPD's and NOCS's code."""

import numpy as np
import pytest

from benchmark.geometry.alignment import (
    Similarity,
    estimate_similarity,
    estimate_similarity_robustly,
)
from tests.golden.parity import Archives, Parity, Recorded

CASES = range(8)
TOLERANCE = 1e-10


@pytest.fixture
def case(archives: Archives, request: pytest.FixtureRequest) -> Recorded:
    """Return the arrays of one case, without its prefix."""
    return archives("align/align.npz").below(f"c{request.param}_")


def check(parity: Parity, fit: Similarity, case: Recorded, name: str) -> None:
    expected = case.below(f"{name}_")
    item = f"scale, R, t, T of `{name}_*`"
    parity(item, fit.rotation, expected["R"], atol=TOLERANCE)
    parity(item, fit.translation, expected["t"], atol=TOLERANCE)
    parity(item, fit.to_matrix(), expected["T"], atol=TOLERANCE)
    scale = expected["scale"]  # NOCS repeats it for every axis
    parity(item, np.broadcast_to(fit.scale, scale.shape), scale, atol=TOLERANCE)


def test_recorded_cases_are_all_compared(archives: Archives) -> None:
    assert len(archives("align/align.npz")["cases"]) == len(CASES)


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_least_squares(case: Recorded, parity: Parity) -> None:
    fit = estimate_similarity(case["source"], case["target"])
    check(parity, fit, case, "umeyama")


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_nocs_variant_is_the_transposed_rotation(case: Recorded, parity: Parity) -> None:
    fit = estimate_similarity(case["source"], case["target"])
    transposed = Similarity(fit.scale, fit.rotation.T, fit.translation)
    check(parity, transposed, case, "nocs_umeyama")


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_robust_fit_for_the_recorded_draws(case: Recorded, parity: Parity) -> None:
    fit = estimate_similarity_robustly(case["source"], case["target"], case["ransac_indices"])
    parity("gives up (`ransac_none`)", fit is None, case["ransac_none"])
    if fit is not None:
        check(parity, fit, case, "ransac")
