"""What this project does otherwise on purpose, and how far that moves a number.

The sizes go into docs/parity.md; the assertions hold for any golden set.
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.diffusion.paper import ScoreNetwork
from benchmark.diffusion.pose_vector import to_rotation
from benchmark.diffusion.samplers.rk45 import sample_rk45
from benchmark.diffusion.schedule import VarianceExploding
from benchmark.evaluation.protocols import (
    HEADLINE,
    SHIFT_THRESHOLDS_CM,
    Options,
    get_protocol,
)
from benchmark.evaluation.scoring import Scores, score_detections
from benchmark.geometry.boxes import compute_official_iou, compute_oriented_iou
from benchmark.geometry.rotations import compute_angle
from benchmark.geometry.symmetry import find_symmetric
from benchmark.predictions import Predictions
from tests.golden.parity import Archives, Parity, Recorded

SCHEDULE = VarianceExploding()
PLAIN = "main_genpose_average_energy_ranker"
CELLS = tuple(
    (int(degree), SHIFT_THRESHOLDS_CM.index(centimetre)) for degree, centimetre in HEADLINE
)


def find_largest_shift(first: np.ndarray, second: np.ndarray) -> float:
    """Return by how many points two mean pose curves differ at most in the table's columns."""
    return 100 * max(abs(float(first[cell] - second[cell])) for cell in CELLS)


@pytest.mark.parametrize(
    ("what", "first", "second"),
    [
        (
            "equal confidences, GenPose's 300 frames: stable or unstable sort",
            "ties_genpose_introsort",
            "ties_genpose_stable",
        ),
        (
            "equal confidences, SPD's 300 frames: stable or unstable sort",
            "ties_spd_introsort",
            "ties_spd_stable",
        ),
        (
            "detections in random order: boxes left unsorted, or sorted like the confidences",
            "shuffled_genpose",
            "shuffled_genpose_boxes_sorted_too",
        ),
        (
            "what does not overlap: dropped before the pose AP, or counted",
            PLAIN,
            f"{PLAIN}_nomatch",
        ),
    ],
)
def test_recorded_variants(
    archives: Archives, parity: Parity, what: str, first: str, second: str
) -> None:
    means = [archives(f"evaluator/{name}.npz")["pose_aps"][7] for name in (first, second)]
    shift = find_largest_shift(*means)
    assert 0 < shift < 100
    parity.note(what, f"up to {shift:.2f} points of AP in the table's columns")


@pytest.fixture(scope="module")
def score(build: Callable[..., Predictions]) -> Callable[..., Scores]:
    """Score GenPose's 300 frames under a protocol."""

    def scored(protocol: str = "genpose", **options: object) -> Scores:
        return score_detections(
            build("frames_main"), get_protocol(protocol), Options(keep=0.6, **options)
        )

    return scored


@pytest.mark.parametrize(
    ("what", "plain", "other"),
    [
        (
            "`strict` instead of `genpose`, average poses",
            {},
            {"protocol": "strict"},
        ),
        (
            "nearest pose: one hypothesis for both thresholds, or one for each",
            {"pooling": "nearest"},
            {"pooling": "nearest", "oracle": "joint"},
        ),
        (
            "ranking by the summed energy (paper), or apart (released code)",
            {},
            {"ranking": "joint"},
        ),
    ],
)
def test_choices_of_this_project(
    score: Callable[..., Scores],
    parity: Parity,
    what: str,
    plain: dict[str, str],
    other: dict[str, str],
) -> None:
    means = [score(**options).pose_curves[0].mean(axis=0) for options in (plain, other)]
    shift = find_largest_shift(*means)
    assert 0 < shift < 100
    parity.note(what, f"up to {shift:.2f} points of AP in the table's columns")


def test_the_official_overlap_is_no_iou(archives: Archives, parity: Parity) -> None:
    pairs = archives("evaluator/pairs.npz")
    symmetric = find_symmetric(np.arange(1, 7)[:, None], pairs["handle_visibility"])
    boxes = [pairs[name] for name in ("sRT_1", "size_1", "sRT_2", "size_2")]
    official, exact = (f(*boxes, symmetric) for f in (compute_official_iou, compute_oriented_iou))
    difference = np.abs(official - exact).mean(axis=1)
    assert difference.max() > 0.05
    parity.note(
        "3D overlap of NOCS and SPD, or exact IoU of oriented boxes (3,000 pairs)",
        f"{difference.min():.2f} to {difference.max():.2f} a category on average; above 0.5: "
        f"{np.mean(official > 0.5):.0%} or {np.mean(exact > 0.5):.0%} of the pairs",
    )


def test_not_a_number_counts_as_right_in_nocs(archives: Archives, parity: Parity) -> None:
    degree = archives("evaluator/pairs.npz")["nocs_RT_degree_cm"][..., 0]
    share = np.isnan(degree).mean()
    assert 0 < share < 0.1
    parity.note(
        "rotation errors that NOCS's evaluator leaves as NaN and counts as right",
        f"{share:.1%} of the pairs, all of nearly equal rotations",
    )


def test_the_last_denoising_step(archives: Archives, parity: Parity) -> None:
    run = archives("sampler/fit_T0.55.npz")
    official = SCHEDULE.diffusion(SCHEDULE.eps) ** 2 * (1 - SCHEDULE.eps) / 1000
    expected = SCHEDULE.sigma(SCHEDULE.eps) ** 2
    away, towards = (np.abs(step * run["denoise_score"]).max() for step in (official, expected))
    assert 0 < away < towards
    parity.note(
        "last step: away from the mode (released code), or the expected clean pose",
        f"at most {away:.1e} away, or {towards:.1e} towards it (pose vector, T0 = 0.55)",
    )


@pytest.mark.parametrize("tolerance", [1e-4, 1e-5])
def test_steps_of_every_pose_by_itself(
    archives: Archives, fitted_network: ScoreNetwork, parity: Parity, tolerance: float
) -> None:
    run = archives("sampler/fit_T0.55.npz")
    found = sample(fitted_network.double(), run, tolerance)
    fitted_network.float()
    expected = torch.from_numpy(run["ode_y_last"]).view(found.shape)
    turn = compute_angle(
        to_rotation(found[..., :6]).numpy(), to_rotation(expected[..., :6]).numpy()
    )
    shift = (found[..., 6:] - expected[..., 6:]).norm(dim=-1)
    degree, millimetre = np.degrees(turn), 1000 * shift.numpy()
    assert np.median(degree) < 1
    parity.note(
        f"step size by pose (`rk45`, tolerance {tolerance:g}) or by batch (released code, 1e-05)",
        f"median {np.median(degree):.3f} degrees and {np.median(millimetre):.3f} mm, "
        f"at most {degree.max():.2f} degrees and {millimetre.max():.2f} mm (T0 = 0.55)",
    )


def sample(network: ScoreNetwork, run: Recorded, tolerance: float) -> Tensor:
    """Return the poses that `rk45` reaches from the recorded noise, before the last step."""
    condition = network.pose_score_net.condition(torch.from_numpy(run["pts_feat"]).double())
    t0 = float(run["T0"])
    noise = torch.from_numpy(run["z"]).double().view(len(run["cloud"]), int(run["K"]), 9)
    sigmas = torch.tensor([SCHEDULE.sigma(t0), SCHEDULE.sigma(SCHEDULE.eps)], dtype=torch.float64)
    start = sigmas[0] * noise

    def denoise(poses: Tensor, sigma: Tensor) -> Tensor:
        return network.denoise(condition, poses, sigma)

    return sample_rk45(denoise, start, sigmas, tolerance=tolerance)
