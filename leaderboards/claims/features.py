"""Claims about what the encoder makes of a cloud (Figure 5)."""

import numpy as np

from benchmark.categories import get_category
from benchmark.features import FEATURES_NAME, read_features
from leaderboards.analysis.resampling import Estimate
from leaderboards.claims.groups import GENERATIVE, DataGroup
from leaderboards.claims.model import Evidence, Measure, MissingEvidenceError, measure
from leaderboards.runs import Run

_NEIGHBOURS = 10
_STREAM = 0x66656174  # keeps the permutations apart from other uses of the seed
_TAILS = (97.5, 2.5)


def check_cans_and_bottles(group: DataGroup) -> Evidence:
    """Measure how often a can's nearest features of other categories are bottles', and back."""
    return _check(group, [("can", "bottle"), ("bottle", "can")])


def check_bowls_and_mugs(group: DataGroup) -> Evidence:
    """Measure how often a bowl's nearest features of other categories are mugs'."""
    return _check(group, [("bowl", "mug")])


def _check(group: DataGroup, pairs: list[tuple[str, str]]) -> Evidence:
    run = _find_run(group, unseen=pairs[0][0])
    features, category, instance = _read_matched(run)
    generator = np.random.default_rng([group.seed, _STREAM])
    measures: list[Measure] = []
    for name, other in pairs:
        codes = (get_category(name).id, get_category(other).id)
        if not all((category == code).any() for code in codes):
            raise MissingEvidenceError(f"{run.name} has no features of {name}s or {other}s")
        excess = measure_excess(
            features, category, instance, *codes, rounds=group.rounds, generator=generator
        )
        title = f"{other}s among the nearest of {name}s, above chance"
        measures.append(measure(title, excess, unit="% of neighbours"))
    return Evidence(
        measures=tuple(measures),
        runs=(run.name,),
        count=f"{len(features)} features of {len(np.unique(instance))} instances",
        notes=(f"{_NEIGHBOURS} nearest features of other categories",),
        resampling=f"95 % by {group.rounds} permutations of the other instances' categories",
    )


def _find_run(group: DataGroup, unseen: str) -> Run:
    """Return a run with features, that which never saw the category first."""
    fitting = [
        run
        for run in group.runs
        if run.info.estimator == GENERATIVE and (run.folder / FEATURES_NAME).exists()
    ]
    if not fitting:
        raise MissingEvidenceError(
            f"no run with {FEATURES_NAME}", "genbench features RUN SHARDS, RUN being a run's folder"
        )
    return max(fitting, key=lambda run: (run.holdout == unseen, run.holdout is None))


def _read_matched(run: Run) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features (n, d), category and instance (n,) of the detections that are matched."""
    found = read_features(run.folder / FEATURES_NAME)
    (instances,) = run.evaluate().instances.values()
    truth_of = np.full(len(run.predictions.detections), -1)
    matched = np.flatnonzero(instances.detection >= 0)
    truth_of[instances.detection[matched]] = matched
    truth = truth_of[found.detection]
    kept = truth >= 0
    truths = run.predictions.ground_truth.take(truth[kept])
    return found.features[kept].astype(np.float64), truths.category, truths.instance


def measure_excess(
    features: np.ndarray,
    category: np.ndarray,
    instance: np.ndarray,
    code: int,
    other: int,
    *,
    rounds: int,
    generator: np.random.Generator,
) -> Estimate:
    """Measure how much more often neighbours of a category are of another one than by chance.

    Args:
        features: (n, d).
        category, instance: (n,) class id and name.
        code: class id whose features' neighbours are counted, among all other categories.
        other: class id that is counted.
        rounds: permutations of which instances of the other categories are of class `other`.
        generator: for the permutations.

    Returns:
        The share in percent of neighbours minus the median share of the permutations; the ends of
        the interval subtract their 97.5th and 2.5th percentile.
    """
    from scipy.spatial import cKDTree

    rest = np.flatnonzero(category != code)
    names, member = np.unique(instance[rest], return_inverse=True)
    _, near = cKDTree(features[rest]).query(
        features[category == code], k=min(_NEIGHBOURS, len(rest))
    )
    hits = np.bincount(member[near].ravel(), minlength=len(names))
    share = 100.0 * hits / hits.sum()
    labelled = np.isin(names, instance[category == other])
    order = generator.random((rounds, len(names))).argsort(axis=1)[:, : int(labelled.sum())]
    chance = share[order].sum(axis=1)
    observed = float(share[labelled].sum())
    low, high = (observed - float(end) for end in np.percentile(chance, _TAILS))
    return Estimate(value=observed - float(np.median(chance)), low=low, high=high)
