"""Claims that need further trainings: the regression twin, and categories held out."""

from collections.abc import Sequence

import numpy as np

from benchmark.categories import CATEGORIES, CATEGORY_NAMES
from benchmark.evaluation.instances import METRIC_NAMES
from leaderboards.analysis.metrics import ROWS
from leaderboards.analysis.resampling import Estimate
from leaderboards.claims.groups import GENERATIVE, DataGroup, name_protocol
from leaderboards.claims.model import Evidence, Measure, measure
from leaderboards.claims.reported import STRICT, get_cell, quote
from leaderboards.runs import Run

TWIN = "regression"
HELD_OUT = ("bowl", "bottle", "can")
KEPT_SHARE = 0.5
"""Below this share of its seen accuracy an unseen category counts as collapsed."""

SYMMETRIC = tuple(item.name for item in CATEGORIES if item.symmetry == "axis")
ASYMMETRIC = tuple(item.name for item in CATEGORIES if item.symmetry == "none")


def check_twin(group: DataGroup, symmetry: str) -> Evidence:
    """Compare the generative model with its twin in mean AP."""
    run, twin, gain = _compute_gain(group, symmetry)
    mean = _average(gain, CATEGORY_NAMES)
    measures = [
        measure(f"{run.name} minus {twin.name}, {name}", _pick(group, mean, name))
        for name in STRICT
    ]
    return _gather((run, twin), measures)


def check_twin_where(group: DataGroup, symmetry: str) -> Evidence:
    """Compare the gain on symmetric objects and on mugs with that on asymmetric ones."""
    run, twin, gain = _compute_gain(group, symmetry)
    rest = _average(gain, ASYMMETRIC)
    measures = [
        measure(
            f"gain on {title} minus on cameras and laptops, {name}",
            _pick(group, _average(gain, names) - rest, name),
        )
        for title, names in (("bottles, bowls and cans", SYMMETRIC), ("mugs", ("mug",)))
        for name in STRICT
    ]
    return _gather((run, twin), measures)


def check_unseen_degrade(group: DataGroup) -> Evidence:
    """Compare the accuracy on a category when it is trained on and when it is not."""
    return _check_holdouts(group, "seen minus unseen", seen_share=1.0, sign=1.0)


def check_unseen_survive(group: DataGroup) -> Evidence:
    """Compare the accuracy on an unseen category with half of that when it is trained on."""
    return _check_holdouts(group, "unseen minus half of seen", seen_share=KEPT_SHARE, sign=-1.0)


def _check_holdouts(group: DataGroup, title: str, *, seen_share: float, sign: float) -> Evidence:
    runs, measures = [group.find_compared()], []
    for category in HELD_OUT:
        unseen = _find_holdout(group, category)
        runs.append(unseen)
        row = ROWS.index(category)
        seen = group.precision(runs[0])[row]
        difference = sign * (seen_share * seen - group.precision(unseen)[row])
        measures += [
            measure(f"{category}, {title}, {name}", _pick(group, difference, name))
            for name in STRICT
        ]
    return _gather(runs, measures)


def _find_holdout(group: DataGroup, category: str) -> Run:
    return group.find(
        lambda run: run.info.estimator == GENERATIVE and run.holdout == category,
        f"no run with weights that never saw a {category}",
        f"genbench run SHARDS --holdout {category}",
    )


def _compute_gain(group: DataGroup, symmetry: str) -> tuple[Run, Run, np.ndarray]:
    """Return generative run, twin, and the gain (7, 1 + rounds, 4) of the first."""

    def is_twin(run: Run) -> bool:
        told = run.info.configuration.get("symmetry")
        return run.info.estimator == TWIN and told == symmetry

    twin = group.find(
        is_twin,
        f"no run of the regression twin with symmetry {symmetry}",
        f"genbench run SHARDS --estimator {TWIN} --preset {symmetry}",
    )
    run = group.find_compared()
    return run, twin, group.precision(run) - group.precision(twin)


def _average(values: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return the mean (1 + rounds, 4) over some categories of values (7, 1 + rounds, 4)."""
    return np.asarray(values[[ROWS.index(name) for name in names]].mean(axis=0))


def _pick(group: DataGroup, values: np.ndarray, metric: str) -> Estimate:
    return group.estimate(values[:, METRIC_NAMES.index(metric)])


def _gather(runs: Sequence[Run], measures: Sequence[Measure]) -> Evidence:
    return Evidence(
        measures=tuple(measures),
        runs=tuple(run.name for run in runs),
        protocol=name_protocol(),
        count=f"{len(runs[0].predictions.ground_truth)} objects",
    )


def quote_gains() -> Evidence:
    """Quote the gains over RBP-Pose from Table 4."""
    return quote(
        4,
        [
            measure(f"ours minus RBP-Pose, {row}, {name}", _get_gain(row, name))
            for name in STRICT
            for row in CATEGORY_NAMES
        ],
    )


def quote_gains_where() -> Evidence:
    """Quote where the gains over RBP-Pose are largest from Table 4."""
    measures = []
    for name in STRICT:
        rest = get_cell(4, "average", f"gain {name}", group="asymmetric")
        symmetric = get_cell(4, "average", f"gain {name}", group="symmetric")
        for title, gain in (("symmetric", symmetric), ("mug", _get_gain("mug", name))):
            measures.append(measure(f"gain on {title} minus on asymmetric, {name}", gain - rest))
    return quote(4, measures, "over RBP-Pose, which is another network: no twin in the paper")


def _get_gain(row: str, metric: str) -> float:
    return get_cell(4, row, f"genpose {metric}") - get_cell(4, row, f"rbp-pose {metric}")


def quote_unseen(*, seen_share: float, sign: float, title: str) -> Evidence:
    """Quote seen and unseen accuracy from Table 5."""
    measures = []
    for category in HELD_OUT:
        for name in STRICT:
            seen, unseen = (
                get_cell(5, "Ours", f"{name} {state}", group=category)
                for state in ("seen", "unseen")
            )
            difference = sign * (seen_share * seen - unseen)
            measures.append(measure(f"{category}, {title}, {name}", difference))
    return quote(5, measures)
