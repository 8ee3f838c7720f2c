"""Accuracy of a run slice by slice: what is hard, and how sure one can be of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmark.evaluation.instances import METRIC_NAMES, Instances
from benchmark.evaluation.protocols import DEFAULT_PROTOCOL, Options, get_protocol
from benchmark.texts import to_markdown
from leaderboards.analysis.attributes import ATTRIBUTES, Attribute, get_attribute
from leaderboards.analysis.rendering import (
    Report,
    format_interval,
    list_records,
    render_markdown,
)
from leaderboards.analysis.resampling import ROUNDS, Resampling, Unit, plan_resampling
from leaderboards.runs import Run

if TYPE_CHECKING:
    import pandas

LEAST_OBJECTS = 20
"""A slice with fewer objects gets no number."""

_ALL = Attribute(
    name="all",
    meaning="every annotated object",
    slices=("all",),
    assign=lambda predictions, _: np.zeros(len(predictions.ground_truth), int),
)
_PERCENT = (0.0, 100.0)
_MEDIANS = ("median_deg", "median_cm")


def slice_run(
    run: Run,
    names: Sequence[str] = (),
    protocol: str = DEFAULT_PROTOCOL,
    *,
    unit: Unit | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Report:
    """Report accuracy for every slice of the attributes asked for.

    Accuracy is the share of the slice's annotated objects that are right under the protocol: a
    missed object is wrong, and false detections cost nothing, for they belong to no slice.

    Args:
        run: with ground truth.
        names: attributes; all without any.
        protocol: id.
        unit, rounds, seed: of the bootstrap; see `plan_resampling`.

    Raises:
        UnknownNameError: no such attribute or protocol.
    """
    attributes = [get_attribute(name) for name in names] or list(ATTRIBUTES)
    rules, options = get_protocol(protocol), Options(seed=seed)
    resampling = plan_resampling(run.predictions, unit, rounds, seed)
    instances = run.evaluate(protocol, options).instances[protocol]
    metrics = ("5deg_5cm",) if rules.tracking else METRIC_NAMES
    table = build_slice_table(run, instances, [_ALL, *attributes], metrics, resampling)
    notes = [f"{item.name}: {item.meaning}" for item in attributes]
    notes.append(f"slices of fewer than {LEAST_OBJECTS} objects get no number")
    description = (
        f"Protocol {rules.name}; share of annotated objects that are right, in percent, missed "
        f"ones being wrong; {resampling.describe()}."
    )
    return Report(
        name="slices",
        markdown=_render(run.name, description, table, metrics, notes),
        document={
            "run": run.name,
            "protocol": rules.name,
            "resampling": resampling.describe(),
            "slices": list_records(table),
            "notes": notes,
        },
        tables={"slices": table},
    )


def build_slice_table(
    run: Run,
    instances: Instances,
    attributes: Sequence[Attribute],
    metrics: Sequence[str],
    resampling: Resampling,
) -> "pandas.DataFrame":
    """Return one row a slice: counts, accuracy with intervals, and median errors."""
    import pandas

    rows = []
    for attribute in attributes:
        assigned = attribute.assign(run.predictions, instances.detection)
        for index, name in enumerate(attribute.slices):
            mine = np.flatnonzero(assigned == index)
            counts = {
                "attribute": attribute.name,
                "slice": name,
                "objects": len(mine),
                "matched": int((instances.detection[mine] >= 0).sum()),
            }
            frame = run.predictions.ground_truth.frame[mine]
            numbers = _measure(instances.take(mine), frame, metrics, resampling)
            if len(mine) < LEAST_OBJECTS:
                numbers = dict.fromkeys(numbers, np.nan)
            rows.append(counts | numbers)
    return pandas.DataFrame(rows)


def _measure(
    instances: Instances, frame: np.ndarray, metrics: Sequence[str], resampling: Resampling
) -> dict[str, float]:
    """Return the numbers of one slice whose objects lie in frames (n,)."""
    numbers: dict[str, float] = {}
    samples = 100.0 * resampling.mean(instances.passed, frame)
    for metric in metrics:
        estimate = resampling.estimate(samples[:, METRIC_NAMES.index(metric)], _PERCENT)
        names = (metric, f"{metric}_low", f"{metric}_high")
        numbers |= dict(zip(names, (estimate.value, estimate.low, estimate.high), strict=True))
    found = instances.take(instances.detection >= 0)
    for name, errors in zip(_MEDIANS, (found.degree, found.cm), strict=True):
        numbers[name] = float(np.median(errors)) if len(found) else np.nan
    return numbers


def _render(
    run: str,
    description: str,
    table: "pandas.DataFrame",
    metrics: Sequence[str],
    notes: Sequence[str],
) -> str:
    shown = table[["attribute", "slice", "objects", "matched"]].copy()
    for metric in metrics:
        shown[metric] = table[metric]
        ends = zip(table[f"{metric}_low"], table[f"{metric}_high"], strict=True)
        shown[f"{metric} interval"] = [format_interval(*pair, signed=False) for pair in ends]
    for name in _MEDIANS:
        shown[name] = [f"{value:.2f}" if value == value else "" for value in table[name]]
    lines = [f"# Slices of {to_markdown(run)}", "", to_markdown(description), ""]
    lines += [render_markdown(shown), "", *(f"- {to_markdown(note)}" for note in notes)]
    return "\n".join(lines)
