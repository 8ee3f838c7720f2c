"""Risk against coverage: if only the most trusted estimates are used, how wrong are they?

Source: El-Yaniv and Wiener 2010, On the foundations of noise-free selective classification; the
area under the curve as in Geifman, Uziel and El-Yaniv 2019.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmark.errors import ConfigError
from benchmark.evaluation.instances import METRIC_NAMES
from benchmark.evaluation.protocols import DEFAULT_PROTOCOL, Options, get_protocol
from benchmark.predictions import Predictions
from benchmark.spread import compute_spread
from benchmark.texts import to_markdown
from leaderboards.analysis.rendering import (
    Report,
    format_interval,
    list_records,
    render_markdown,
)
from leaderboards.analysis.resampling import (
    ROUNDS,
    Estimate,
    Resampling,
    Unit,
    plan_resampling,
)
from leaderboards.runs import Run

if TYPE_CHECKING:
    import pandas

_FAILURE_METRIC = "5deg_5cm"
_SHOWN_COVERAGES = (0.25, 0.5, 0.75, 1.0)
_CURVE_POINTS = 200
_ROUNDS_AT_A_TIME = 50


@dataclass(frozen=True, kw_only=True)
class RiskCurve:
    """One kind of risk under one kind of trust.

    Attributes:
        risk, trust: what they are.
        coverage, value: (m,) the mean risk of the most trusted share.
        area: mean of the curve over all coverages (AURC).
        random, oracle: the same if trust were given at random, and by the risk itself.
        gain: share in percent of the way from random to oracle.
    """

    risk: str
    trust: str
    coverage: np.ndarray
    value: np.ndarray
    area: Estimate
    random: float
    oracle: float
    gain: Estimate


def compute_risk_curves(
    run: Run, resampling: Resampling, protocol: str = DEFAULT_PROTOCOL, seed: int = 0
) -> list[RiskCurve]:
    """Compute every risk under every kind of trust that a run offers.

    Args:
        run: whose detections that are matched to an object are taken.
        resampling: for the intervals.
        protocol: that matches, and measures errors.
        seed: of the protocol's options.

    Raises:
        ConfigError: nothing is matched.
    """
    instances = run.evaluate(protocol, Options(seed=seed)).instances[protocol]
    found = np.flatnonzero(instances.detection >= 0)
    if not len(found):
        raise ConfigError(f"{run.folder}: no detection is matched, so that there is no error")
    frame = run.predictions.ground_truth.frame[found]
    rows = instances.detection[found]
    failure = ~instances.passed[found, METRIC_NAMES.index(_FAILURE_METRIC)]
    risks = {
        f"failure at {_FAILURE_METRIC} in percent": 100.0 * failure,
        "rotation error in degrees": instances.degree[found],
        "translation error in cm": instances.cm[found],
    }
    trusts = compute_trust(run.predictions)
    return [
        trace_curve(risk, trust, values, score[rows, kind], frame, resampling)
        for kind, (risk, values) in enumerate(risks.items())
        for trust, score in trusts.items()
    ]


def compute_trust(predictions: Predictions) -> dict[str, np.ndarray]:
    """Return how far each detection's pose, rotation and translation (D, 3) are to be trusted.

    By the mean and the best energy of its hypotheses, by their spread, and by the detector's
    confidence. A whole pose is trusted by the sum of both parts.
    """
    trust: dict[str, np.ndarray] = {}
    if predictions.energies is not None:
        energies = np.asarray(predictions.energies, dtype=np.float64)
        trust["mean energy"] = _add_pose(energies.mean(axis=1))
        trust["best energy"] = _add_pose(energies.max(axis=1))
    if predictions.hypotheses is not None:
        spread = compute_spread(predictions)
        parts = np.stack([spread.rotation_deg, spread.translation_cm], axis=1)
        trust["spread of hypotheses"] = _add_pose(-np.nan_to_num(parts, nan=np.inf))
    trust["detector's confidence"] = np.repeat(predictions.detections.confidence[:, None], 3, 1)
    return trust


def _add_pose(parts: np.ndarray) -> np.ndarray:
    return np.column_stack([parts.sum(axis=1), parts])


def trace_curve(
    risk: str,
    trust: str,
    values: np.ndarray,
    score: np.ndarray,
    frame: np.ndarray,
    resampling: Resampling,
) -> RiskCurve:
    """Trace the curve of values (n,) by descending score (n,), in frames (n,)."""
    order = np.argsort(-score, kind="stable")
    ideal = np.argsort(values, kind="stable")
    weights = resampling.weights
    area = compute_areas(values[order], frame[order], weights)
    oracle = compute_areas(values[ideal], frame[ideal], weights)
    random = resampling.mean(values, frame)
    possible = random - oracle
    gain = np.divide(
        100.0 * (random - area), possible, out=np.full_like(area, np.nan), where=possible > 0
    )
    coverage, value = _thin(np.cumsum(values[order]) / np.arange(1, len(values) + 1))
    return RiskCurve(
        risk=risk,
        trust=trust,
        coverage=coverage,
        value=value,
        area=resampling.estimate(area),
        random=float(random[0]),
        oracle=float(oracle[0]),
        gain=resampling.estimate(gain),
    )


def compute_areas(values: np.ndarray, frame: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the area (rounds,) below the risk-coverage curve of values (n,) in order of trust."""
    areas = np.full(len(weights), np.nan)
    for start in range(0, len(weights), _ROUNDS_AT_A_TIME):
        weight = weights[start : start + _ROUNDS_AT_A_TIME, frame]
        seen, risk = np.cumsum(weight, axis=1), np.cumsum(weight * values, axis=1)
        curve = np.divide(risk, seen, out=np.zeros_like(risk), where=seen > 0)
        total = seen[:, -1]
        summed = (weight * curve).sum(axis=1)
        areas[start : start + len(weight)] = np.divide(
            summed, total, out=np.full_like(total, np.nan), where=total > 0
        )
    return areas


def _thin(curve: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return coverages and values at no more than 200 places of a curve."""
    places = np.unique(np.linspace(1, len(curve), min(len(curve), _CURVE_POINTS)).round()) - 1
    rows = places.astype(int)
    return (rows + 1) / len(curve), curve[rows]


def report_risk(
    run: Run,
    protocol: str = DEFAULT_PROTOCOL,
    *,
    unit: Unit | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Report:
    """Report how well a run's own trust tells its good estimates from its bad ones.

    Args:
        run: with ground truth.
        protocol: id.
        unit, rounds, seed: of the bootstrap; see `plan_resampling`.

    Raises:
        ConfigError: nothing is matched.
    """
    resampling = plan_resampling(run.predictions, unit, rounds, seed)
    curves = compute_risk_curves(run, resampling, protocol, seed)
    table, points = _build_table(curves), _build_points(curves)
    name = get_protocol(protocol).name
    description = (
        f"Protocol {name}, detections that are matched to an object; {resampling.describe()}. "
        "Area: the mean risk over all coverages. Gain: share in percent of the way from random "
        "trust (0) to perfect trust (100)."
    )
    return Report(
        name="risk",
        markdown=_render(run.name, description, table),
        document={
            "run": run.name,
            "protocol": name,
            "resampling": resampling.describe(),
            "areas": list_records(table),
            "curves": list_records(points),
        },
        tables={"risk": table, "risk_curves": points},
    )


def _build_table(curves: list[RiskCurve]) -> "pandas.DataFrame":
    import pandas

    return pandas.DataFrame(
        [
            {
                "risk": curve.risk,
                "trust": curve.trust,
                "area": curve.area.value,
                "random": curve.random,
                "oracle": curve.oracle,
                "gain": curve.gain.value,
                "gain_low": curve.gain.low,
                "gain_high": curve.gain.high,
            }
            | {f"at {share:.0%}": _read_off(curve, share) for share in _SHOWN_COVERAGES}
            for curve in curves
        ]
    )


def _read_off(curve: RiskCurve, coverage: float) -> float:
    return float(np.interp(coverage, curve.coverage, curve.value))


def _build_points(curves: list[RiskCurve]) -> "pandas.DataFrame":
    import pandas

    parts: list[dict[str, object]] = [
        {"risk": curve.risk, "trust": curve.trust, "coverage": curve.coverage, "value": curve.value}
        for curve in curves
    ]
    return pandas.concat([pandas.DataFrame(part) for part in parts], ignore_index=True)


def _render(run: str, description: str, table: "pandas.DataFrame") -> str:
    shown = table.drop(columns=["gain_low", "gain_high"])
    ends = zip(table["gain_low"], table["gain_high"], strict=True)
    shown.insert(6, "gain interval", [format_interval(*pair, 0, signed=False) for pair in ends])
    lines = [f"# Risk against coverage: {to_markdown(run)}", "", to_markdown(description), ""]
    return "\n".join([*lines, render_markdown(shown, digits=2)])
