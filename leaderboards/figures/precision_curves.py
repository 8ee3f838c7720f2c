"""Figure 8: average precision over thresholds, per category, for one or two methods."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from benchmark.categories import CATEGORY_NAMES
from benchmark.evaluation.protocols import (
    DEFAULT_PROTOCOL,
    OVERLAP_THRESHOLDS,
    SHIFT_THRESHOLDS_CM,
    Options,
    get_protocol,
)
from leaderboards.figures.choice import check_comparable, name_methods
from leaderboards.figures.figure_data import FigureData
from leaderboards.runs import Run

MEAN = "mean"


@dataclass(frozen=True, kw_only=True)
class PrecisionPanel(FigureData):
    """Curves of one method over one kind of threshold.

    Attributes:
        method: its name.
        quantity: "3D IoU", "rotation" or "translation".
        unit: of the thresholds ("%", "deg", "cm").
        thresholds: (T,).
        names: (7,) the categories, and the mean of those that have objects.
        precision: (7, T) average precision in percent; NaN for a category without objects.
    """

    method: str
    quantity: str
    unit: str
    thresholds: np.ndarray
    names: tuple[str, ...]
    precision: np.ndarray


@dataclass(frozen=True, kw_only=True)
class PrecisionFigure(FigureData):
    """Figure 8.

    Attributes:
        runs: names of the runs.
        rows: for each run its panels.
    """

    number: ClassVar[int] = 8
    runs: tuple[str, ...]
    rows: tuple[tuple[PrecisionPanel, ...], ...]


def compute_precision_curves(
    runs: Sequence[Run], protocol: str = DEFAULT_PROTOCOL
) -> PrecisionFigure:
    """Compute figure 8 for one or two runs.

    Raises:
        ConfigError: the runs are of different data, or the protocol cannot score one of them.
    """
    check_comparable(runs)
    names = name_methods(runs)
    rows = tuple(compute_panels(run, protocol, name) for run, name in zip(runs, names, strict=True))
    sizeless = [
        name for name, row in zip(names, rows, strict=True) if not any(p.unit == "%" for p in row)
    ]
    blank = f" No 3D IoU for {' and '.join(sizeless)}: no sizes are predicted." if sizeless else ""
    return PrecisionFigure(
        caption=f"Average precision over thresholds ({runs[0].data}, protocol "
        f"{get_protocol(protocol).name}). Rotation counts at any translation, translation at any "
        f"rotation.{blank}",
        runs=tuple(run.name for run in runs),
        rows=rows,
    )


def compute_panels(
    run: Run, protocol: str, method: str, options: Options | None = None
) -> tuple[PrecisionPanel, ...]:
    """Return the panels of one run: 3D IoU where sizes are known, rotation, translation."""
    evaluation = run.evaluate(protocol, options)
    (block,) = evaluation.result.protocols
    present = np.array([category.instances > 0 for category in block.categories])
    curves = evaluation.curves
    pose = curves[f"{protocol}/pose_ap"]
    degrees = get_protocol(protocol).degree_thresholds
    panels: dict[tuple[str, str], tuple[Sequence[float], np.ndarray]] = {
        ("rotation", "deg"): (degrees[:-1], pose[:, :-1, -1]),
        ("translation", "cm"): (SHIFT_THRESHOLDS_CM[:-1], pose[:, -1, :-1]),
    }
    if (size := curves.get(f"{protocol}/size_ap")) is not None:
        percent = [100.0 * threshold for threshold in OVERLAP_THRESHOLDS]
        panels = {("3D IoU", "%"): (percent, size)} | panels
    return tuple(
        PrecisionPanel(
            caption=f"{method}: {quantity}",
            method=method,
            quantity=quantity,
            unit=unit,
            thresholds=np.array(thresholds),
            names=(*CATEGORY_NAMES, MEAN),
            precision=100.0 * add_mean(precision, present),
        )
        for (quantity, unit), (thresholds, precision) in panels.items()
    )


def add_mean(precision: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Blank the curves (6, T) of categories without objects, and append the mean of the others.

    Args:
        precision: one row a category.
        present: (6,) whether the category has objects.
    """
    known = np.where(present[:, None], precision, np.nan)
    mean = known[present].mean(axis=0) if present.any() else known[0]
    return np.vstack([known, mean])
