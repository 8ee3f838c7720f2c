"""The leaderboard's numbers: one entry a run, one entry a run and protocol, as plain values."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import GenBenchError
from benchmark.evaluation.overlaps import has_sizes
from benchmark.evaluation.protocols import Options, get_protocol
from benchmark.evaluation.result import Interval, ProtocolResult
from leaderboards.runs import Run


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A column of the leaderboard.

    Attributes:
        id: name in results.
        label: short heading.
        title: what it is, in words.
        high: whether high is good.
    """

    id: str
    label: str
    title: str
    high: bool = True


METRICS: tuple[Metric, ...] = (
    Metric(id="5deg_2cm", label="5° 2 cm", title="right within 5° and 2 cm, %"),
    Metric(id="5deg_5cm", label="5° 5 cm", title="right within 5° and 5 cm, %"),
    Metric(id="10deg_2cm", label="10° 2 cm", title="right within 10° and 2 cm, %"),
    Metric(id="10deg_5cm", label="10° 5 cm", title="right within 10° and 5 cm, %"),
    Metric(id="iou_50", label="IoU 50", title="AP at 3D IoU 0.5, %"),
    Metric(id="iou_75", label="IoU 75", title="AP at 3D IoU 0.75, %"),
    Metric(id="median_deg", label="med. °", title="median rotation error, °", high=False),
    Metric(id="median_cm", label="med. cm", title="median translation error, cm", high=False),
    Metric(id="mean_deg", label="mean °", title="mean rotation error, °", high=False),
    Metric(id="mean_cm", label="mean cm", title="mean translation error, cm", high=False),
)

DECIMALS = 2


def choose_options(run: Run) -> Options:
    """Return the options that a run is scored with: true sizes are lent where it predicts none."""
    return Options(sizes="own" if has_sizes(run.predictions) else "gt")


def describe_run(run: Run, root: Path) -> dict[str, Any]:
    """Return what the leaderboard says of a run besides its scores.

    Args:
        run: the run.
        root: folder that all runs lie below; names are relative to it.
    """
    info = run.info
    name = run.folder.relative_to(root).as_posix()
    return {
        "name": run.name if name == "." else name,
        "method": info.estimator,
        "variant": _describe_variant(run),
        "data": f"{info.dataset}/{info.split}",
        "label_set": info.label_set,
        "detections": run.detections[:8],
        "labels": run.labels[:8],
        "hypotheses": run.hypotheses,
        "speed": clean(info.environment.get("hypotheses_per_second"), 0),
    }


def _describe_variant(run: Run) -> str:
    """Return what tells runs of one method apart: weights, hold-out, tracking, symmetry."""
    configuration = run.info.configuration
    words = [run.weights or str(configuration.get("preset") or "")]
    if run.holdout:
        words.append(f"without {run.holdout}")
    if run.is_tracking:
        words.append("tracking")
    if symmetry := configuration.get("symmetry"):
        words.append(f"symmetry {symmetry}")
    if configuration.get("limit"):
        words.append(f"first {configuration['limit']} frames")
    return ", ".join(word for word in words if word)


def score_run(run: Run, protocols: Sequence[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Score a run under every protocol that fits it.

    Tracking protocols are for tracking runs, the others for all the rest.

    Returns:
        One entry a protocol, and a line for each that could not score the run.
    """
    entries, refused = [], []
    for name in protocols:
        if get_protocol(name).tracking != run.is_tracking:
            continue
        try:
            entries.append(_describe_block(run.score(name, choose_options(run))))
        except GenBenchError as error:
            refused.append(f"{run.folder.name}, protocol {name}: {error}")
    return entries, refused


def _describe_block(block: ProtocolResult) -> dict[str, Any]:
    """Return values and intervals by row: the six categories, then their mean."""
    return {
        "protocol": block.name,
        "frames": block.frames,
        "options": {key: value for key, value in block.options.items() if value is not None},
        "notes": list(block.notes),
        "missing": list(block.missing),
        "counts": [[c.instances, c.detections, c.matched] for c in block.categories],
        "values": [
            *(_list_values(c.metrics) for c in block.categories),
            _list_values(block.mean),
        ],
        "intervals": [
            *(_list_intervals(c.intervals) for c in block.categories),
            _list_intervals(block.mean_intervals),
        ],
    }


def _list_values(metrics: dict[str, float]) -> list[float | None]:
    return [clean(metrics.get(metric.id)) for metric in METRICS]


def _list_intervals(intervals: dict[str, Interval]) -> list[list[float | None] | None]:
    found = [intervals.get(metric.id) for metric in METRICS]
    return [pair and [clean(end) for end in pair] for pair in found]


def clean(value: float | None, decimals: int = DECIMALS) -> float | None:
    """Return the value rounded; None where there is none or it is not finite."""
    if value is None or not math.isfinite(value):
        return None
    return round(float(value), decimals)
