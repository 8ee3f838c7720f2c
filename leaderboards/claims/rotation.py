"""Claims about where hypotheses lie: circular statistics of their turn about the y axis."""

import numpy as np

from benchmark.aggregation import pool_average
from benchmark.categories import CATEGORIES, get_category
from leaderboards.claims.groups import DataGroup
from leaderboards.claims.model import Evidence, MissingEvidenceError, measure
from leaderboards.figures.hypothesis_errors import compute_hypothesis_errors
from leaderboards.runs import Run

HALF_CONCENTRATED = 0.5
"""Mean resultant length half-way between turns all around (0) and a single turn (1)."""

_LEAST_HYPOTHESES = 10


def compute_concentration(rotation: np.ndarray) -> np.ndarray:
    """Return the mean resultant length (n,) of the turns of rotations (n, K, 3, 3) about y.

    A turn is measured from the average rotation, as the twist about the object's y axis. The
    length is 1 where all are equal, and about 0.9 / sqrt(K) where they are all around.

    Source: Mardia and Jupp 2000, Directional Statistics, section 2.3.
    """
    average, _ = pool_average(rotation, np.zeros((*rotation.shape[:2], 3)))
    relative = np.swapaxes(average, -1, -2)[:, None] @ rotation
    turn = np.arctan2(
        relative[..., 0, 2] - relative[..., 2, 0], relative[..., 0, 0] + relative[..., 2, 2]
    )
    return np.asarray(np.abs(np.exp(1j * turn).mean(axis=1)))


def check_spread_about_axis(group: DataGroup) -> Evidence:
    """Measure the concentration for bottles, bowls and cans."""
    names = [item.name for item in CATEGORIES if item.symmetry == "axis"]
    return _check_categories(group, names, above=False)


def check_concentration(group: DataGroup) -> Evidence:
    """Measure the concentration for cameras and laptops."""
    names = [item.name for item in CATEGORIES if item.symmetry == "none"]
    return _check_categories(group, names, above=True)


def check_mug_handle(group: DataGroup) -> Evidence:
    """Compare mugs whose handle is visible with those whose handle is hidden."""
    run, category, visible, frame, length = _measure_lengths(group)
    mug = category == get_category("mug").id
    means = [
        group.resampling.mean(length[mug & (visible == state)], frame[mug & (visible == state)])
        for state in (1, 0)
    ]
    hidden = int((mug & (visible == 0)).sum())
    return Evidence(
        measures=(
            measure(
                "visible minus hidden handle",
                group.estimate(means[0] - means[1]),
                unit="resultant length",
            ),
        ),
        runs=(run.name,),
        count=f"{hidden} mugs with a hidden and {int(mug.sum()) - hidden} with a visible handle",
    )


def _check_categories(group: DataGroup, names: list[str], *, above: bool) -> Evidence:
    run, category, _, frame, length = _measure_lengths(group)
    measures, counts = [], []
    for name in names:
        mine = category == get_category(name).id
        counts.append(f"{int(mine.sum())} {name}s")
        measures.append(
            measure(
                name,
                group.estimate(group.resampling.mean(length[mine], frame[mine]), (0.0, 1.0)),
                bound=HALF_CONCENTRATED,
                side="above" if above else "below",
                unit="resultant length",
            )
        )
    return Evidence(measures=tuple(measures), runs=(run.name,), count=", ".join(counts))


def _measure_lengths(
    group: DataGroup,
) -> tuple[Run, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the run, and of its matched objects category, handle, frame and concentration."""
    run = group.find_generative(_LEAST_HYPOTHESES)
    hypotheses = run.predictions.hypotheses
    if hypotheses is None:
        raise MissingEvidenceError(f"{run.name} holds no hypotheses")
    errors = compute_hypothesis_errors(run)
    truths = run.predictions.ground_truth.take(errors.truth)
    rotation = np.asarray(hypotheses)[errors.detection][..., :3].astype(np.float64)
    return (
        run,
        truths.category,
        truths.handle_visible,
        truths.frame,
        compute_concentration(rotation),
    )
