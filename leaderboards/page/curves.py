"""The curves of one run: AP over thresholds, and risk over coverage."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmark.categories import CATEGORY_NAMES
from benchmark.errors import ConfigError
from benchmark.evaluation.protocols import get_protocol
from leaderboards.analysis.resampling import plan_resampling
from leaderboards.analysis.risk import RiskCurve, compute_risk_curves
from leaderboards.figures.precision_curves import PrecisionPanel, compute_panels
from leaderboards.page.scores import choose_options, clean
from leaderboards.runs import Run

COVERAGES = 51
_FEWEST_ROUNDS = 2  # the page shows no intervals of these areas


def collect_curves(run: Run, protocols: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the panels of every protocol that has curves, by the protocol's name."""
    curves = {}
    for name in protocols:
        protocol = get_protocol(name)
        if protocol.tracking or run.is_tracking:
            continue
        try:
            panels = compute_panels(run, name, run.name, choose_options(run))
        except ConfigError:  # already among what the page says is left out
            continue
        curves[protocol.name] = [_describe_panel(panel) for panel in panels]
    return curves


def _describe_panel(panel: PrecisionPanel) -> dict[str, Any]:
    """Return a panel with one series a category that has objects, and the mean if all have."""
    complete = np.isfinite(panel.precision[: len(CATEGORY_NAMES)]).all()
    rows = zip(panel.names, panel.precision, strict=True)
    return {
        "title": f"AP over {panel.quantity}",
        "x": [panel.quantity, panel.unit],
        "y": ["AP", "%"],
        "last": clean(float(panel.thresholds[-1])),
        "top": 100,
        "series": [
            _describe_series(name, values)
            for name, values in rows
            if np.isfinite(values).all() and (complete or name in CATEGORY_NAMES)
        ],
    }


def _describe_series(name: str, values: np.ndarray) -> dict[str, Any]:
    return {"name": name, "values": [clean(float(value), 1) for value in values]}


def collect_risk(run: Run) -> list[dict[str, Any]]:
    """Return one panel a kind of risk, with one series a kind of trust; none without a match."""
    if run.is_tracking:
        return []
    try:
        curves = compute_risk_curves(run, plan_resampling(run.predictions, None, _FEWEST_ROUNDS, 0))
    except ConfigError:
        return []
    risks = dict.fromkeys(curve.risk for curve in curves)
    return [_describe_risk(risk, [c for c in curves if c.risk == risk]) for risk in risks]


def _describe_risk(risk: str, curves: Sequence[RiskCurve]) -> dict[str, Any]:
    coverage = np.linspace(0, 1, COVERAGES)
    title, _, unit = risk.rpartition(" in ")
    values = [np.interp(coverage, curve.coverage, curve.value) for curve in curves]
    return {
        "title": title,
        "x": ["coverage", "%"],
        "y": [title, {"percent": "%", "degrees": "deg"}.get(unit, unit)],
        "last": 100,
        "top": clean(1.05 * max(float(np.max(value)) for value in values)),
        "series": [
            {"name": curve.trust, "values": [clean(float(v)) for v in value]}
            for curve, value in zip(curves, values, strict=True)
        ],
    }
