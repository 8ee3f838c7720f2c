"""Claims about sampling, ranking and pooling hypotheses: Tables 2 and 3."""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmark.evaluation.instances import METRIC_NAMES
from leaderboards.claims.groups import DataGroup, name_protocol
from leaderboards.claims.model import Evidence, Measure, Side, measure
from leaderboards.claims.reported import get_cell, quote
from leaderboards.runs import Run

CHOSEN_K, CHOSEN_KEEP = 50, 0.6
_ABLATED = "10deg_2cm"
_SHARES = (0.2, 0.4, 0.6, 0.8, 1.0)
NEAR_POINTS = 1.0
"""Differences below this are called hardly any, or near."""


def check_pooling(group: DataGroup) -> Evidence:
    """Compare the pooled pose of random hypotheses with a single one (Table 3, rows 1 and 2)."""
    run = group.find_generative(2)
    pooled = _pool(run) | {"ranker": "random"}
    return _contrast(group, run, "pooled minus one sample", pooled, {"hypotheses": 1})


def check_energy_ranking(group: DataGroup) -> Evidence:
    """Compare ranking by energy with ranking at random (Table 3, rows 2 and 3)."""
    run = group.find_generative(2)
    pooled = _pool(run)
    return _contrast(
        group, run, "ranked by energy minus at random", pooled, pooled | {"ranker": "random"}
    )


def check_truth_ranking(group: DataGroup) -> Evidence:
    """Compare ranking by the true errors with ranking by energy (Table 3, rows 3 and 4)."""
    run = group.find_generative(2)
    pooled = _pool(run)
    return _contrast(
        group, run, "ranked by the truth minus by energy", pooled | {"ranker": "gt"}, pooled
    )


def check_fifty_beat_ten(group: DataGroup) -> Evidence:
    """Compare 50 hypotheses with 10 (Table 2)."""
    run = group.find_generative(CHOSEN_K)
    return _contrast(group, run, "K = 50 minus 10", _count(50), _count(10), metrics=[_ABLATED])


def check_hundred_add_little(group: DataGroup) -> Evidence:
    """Compare 100 hypotheses with 50 (Table 2)."""
    run = group.find_generative(100)
    return _contrast(
        group,
        run,
        "K = 100 minus 50",
        _count(100),
        _count(50),
        metrics=[_ABLATED],
        bound=NEAR_POINTS,
        side="below",
    )


def check_sixty_percent(group: DataGroup) -> Evidence:
    """Compare the best of five shares with the chosen one (Table 2)."""
    run = group.find_generative(2)
    curves = np.stack([_ablate(group, run, share) for share in _SHARES])
    loss = group.estimate(curves.max(axis=0) - curves[_SHARES.index(CHOSEN_KEEP)])
    best = f"{_SHARES[int(np.argmax(curves[:, 0]))]:.0%}"
    name = f"best share ({best}) minus 60 %, {_ABLATED}"
    return _gather(run, [measure(name, loss, bound=NEAR_POINTS, side="below")])


def check_filtering(group: DataGroup) -> Evidence:
    """Compare the chosen share with keeping all hypotheses (Table 2)."""
    run = group.find_generative(2)
    pooled = _pool(run)
    return _contrast(
        group, run, "60 % minus all", pooled, pooled | {"keep": 1.0}, metrics=[_ABLATED]
    )


def check_small_share(group: DataGroup) -> Evidence:
    """Compare the chosen share with the smallest (Table 2)."""
    run = group.find_generative(2)
    pooled = _pool(run)
    return _contrast(
        group, run, "60 % minus 20 %", pooled, pooled | {"keep": 0.2}, metrics=[_ABLATED]
    )


def _pool(run: Run) -> dict[str, object]:
    """Return the options of the paper's main row, as far as the run goes."""
    return _count(min(CHOSEN_K, run.hypotheses or 1))


def _count(hypotheses: int) -> dict[str, object]:
    return {"hypotheses": hypotheses, "keep": CHOSEN_KEEP}


def _ablate(group: DataGroup, run: Run, share: float) -> np.ndarray:
    values = group.precision(run, **(_pool(run) | {"keep": share}))
    return np.asarray(values[-1, :, METRIC_NAMES.index(_ABLATED)])


def _contrast(
    group: DataGroup,
    run: Run,
    name: str,
    better: Mapping[str, object],
    worse: Mapping[str, object],
    *,
    metrics: Sequence[str] = METRIC_NAMES,
    bound: float = 0.0,
    side: Side = "above",
) -> Evidence:
    """Return the gain in mean AP of one way to aggregate over another."""
    gain = group.precision(run, **better)[-1] - group.precision(run, **worse)[-1]
    measures = [
        measure(
            f"{name}, {metric}",
            group.estimate(gain[:, METRIC_NAMES.index(metric)]),
            bound=bound,
            side=side,
        )
        for metric in metrics
    ]
    return _gather(run, measures)


def _gather(run: Run, measures: Sequence[Measure]) -> Evidence:
    objects = len(run.predictions.ground_truth)
    return Evidence(
        measures=tuple(measures),
        runs=(run.name,),
        protocol=name_protocol(),
        count=f"{objects} objects",
    )


def quote_rankers(better: int, worse: int, name: str) -> Evidence:
    """Quote the gain of one row of Table 3 over another, rows counted from 0."""
    rows = [("Random", 0), ("Random", 1), ("Energy", 0), ("GT(upper bound)", 0)]
    measures = []
    for metric in METRIC_NAMES:
        values = [get_cell(3, rows[row][0], metric, nth=rows[row][1]) for row in (better, worse)]
        measures.append(measure(f"{name}, {metric}", values[0] - values[1]))
    return quote(3, measures)


def quote_counts(more: str, fewer: str, *, bound: float = 0.0, side: Side = "above") -> Evidence:
    """Quote the gain of more hypotheses over fewer from Table 2."""
    gain = get_cell(2, more, "60%") - get_cell(2, fewer, "60%")
    name = f"K = {more} minus {fewer}, {_ABLATED}"
    return quote(2, [measure(name, gain, bound=bound, side=side)])


def quote_shares(other: str) -> Evidence:
    """Quote the gain of 60 % over another share from Table 2, for every K."""
    gains = {k: get_cell(2, k, "60%") - get_cell(2, k, other) for k in ("10", "50", "100")}
    return quote(
        2, [measure(f"60 % minus {other}, K = {k}, {_ABLATED}", v) for k, v in gains.items()]
    )


def quote_best_share() -> Evidence:
    """Quote how far 60 % is from the best share in Table 2, for every K."""
    measures = []
    for k in ("10", "50", "100"):
        values = [get_cell(2, k, f"{share:.0%}") for share in _SHARES]
        loss = max(values) - values[_SHARES.index(CHOSEN_KEEP)]
        name = f"best share minus 60 %, K = {k}, {_ABLATED}"
        measures.append(measure(name, loss, bound=NEAR_POINTS, side="below"))
    return quote(2, measures)
