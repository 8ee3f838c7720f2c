"""Claims about scores on REAL275, where a run on it is at hand."""

import numpy as np

from benchmark.evaluation.instances import METRIC_NAMES
from leaderboards.claims.groups import DataGroup, name_protocol
from leaderboards.claims.model import Evidence, Measure, MissingEvidenceError, measure
from leaderboards.claims.reported import STRICT, get_cell
from leaderboards.runs import Run

THRESHOLDS = dict(zip(STRICT, (50.0, 60.0), strict=True))
_REACHED_WITHIN = 1.0


def check_thresholds(group: DataGroup) -> Evidence:
    """Measure the strict scores of a run on REAL275."""
    run = _find_run(group)
    scores = group.precision(run)[-1]
    return _gather(
        run,
        tuple(
            measure(name, group.estimate(_column(scores, name)), bound=bound, unit="% mAP")
            for name, bound in THRESHOLDS.items()
        ),
    )


def check_stated_scores(group: DataGroup) -> Evidence:
    """Compare a run on REAL275 with the scores of Table 1."""
    run = _find_run(group)
    scores = group.precision(run)[-1]
    return _gather(
        run,
        tuple(
            measure(
                f"{name}, {get_cell(1, 'Ours', name)} stated",
                group.estimate(_column(scores, name)),
                bound=get_cell(1, "Ours", name) - _REACHED_WITHIN,
                unit="% mAP",
            )
            for name in METRIC_NAMES
        ),
    )


def _find_run(group: DataGroup) -> Run:
    run = group.find_generative()
    frames = run.predictions.frames.id
    if run.info.dataset != "nocs" or not all(name.startswith("Real/") for name in frames):
        raise MissingEvidenceError(
            f"{group.name} is not REAL275",
            "genbench prepare DATA --out SHARDS, then genbench run SHARDS --preset paper",
        )
    return run


def _column(scores: np.ndarray, name: str) -> np.ndarray:
    return np.asarray(scores[:, METRIC_NAMES.index(name)])


def _gather(run: Run, measures: tuple[Measure, ...]) -> Evidence:
    return Evidence(
        measures=measures,
        runs=(run.name,),
        protocol=name_protocol(),
        count=f"{len(run.predictions.ground_truth)} objects",
    )
