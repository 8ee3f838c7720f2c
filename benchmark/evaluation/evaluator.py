"""Predictions in, result out: every protocol asked for, side by side."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmark.categories import CATEGORIES
from benchmark.cluster import MapTasks
from benchmark.environment import describe_environment
from benchmark.errors import ConfigError
from benchmark.evaluation.bootstrap import SIZE_METRICS, compute_intervals
from benchmark.evaluation.instances import (
    METRIC_NAMES,
    Instances,
    list_instances,
)
from benchmark.evaluation.overlaps import has_sizes
from benchmark.evaluation.pairs import count_by_category
from benchmark.evaluation.protocols import (
    DEFAULT_PROTOCOL,
    OVERLAP_THRESHOLDS,
    Options,
    Protocol,
    get_protocol,
)
from benchmark.evaluation.result import CategoryResult, ProtocolResult, Result, summarise
from benchmark.evaluation.scoring import Scores, score_detections
from benchmark.evaluation.tracking import score_tracking
from benchmark.predictions import Predictions, RunInfo, read_predictions, read_run_info

Scored = tuple[ProtocolResult, Instances, dict[str, np.ndarray]]
"""What one protocol gives: aggregates, measurements of every object, curves by name."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A result with the measurements behind it.

    Attributes:
        result: what is written to result.json.
        instances: what each protocol says of every annotated object, by protocol id.
        curves: AP over all thresholds, by "<protocol>/<name>"; one row a category.
    """

    result: Result
    instances: dict[str, Instances]
    curves: dict[str, np.ndarray]


def evaluate(
    predictions: Predictions,
    protocols: Sequence[str] = (DEFAULT_PROTOCOL,),
    options: Options | None = None,
) -> Evaluation:
    """Score predictions under each protocol.

    Args:
        predictions: complete, ground truth included.
        protocols: ids.
        options: choices within the protocols.

    Raises:
        ConfigError: there is no ground truth, or a protocol cannot score this method.
        UnknownNameError: a protocol does not exist.
    """
    start = time.perf_counter()
    rules = [get_protocol(name) for name in dict.fromkeys(protocols)]
    options = _resolve(predictions, options)
    scored = {rule.id: _score(predictions, rule, options) for rule in rules}
    return _assemble(predictions.info, scored, time.perf_counter() - start)


def evaluate_file(
    path: Path, protocols: Sequence[str], options: Options | None, map_tasks: MapTasks
) -> Evaluation:
    """Score a predictions file as `evaluate` does, every protocol wherever `map_tasks` sends it.

    Raises:
        ConfigError, UnknownNameError: as `evaluate`.
        ShardFormatError: the file is damaged.
    """
    start = time.perf_counter()
    names = list(dict.fromkeys(get_protocol(name).id for name in protocols))
    tasks = [
        ProtocolTask(path=path.resolve(), protocol=name, options=options or Options())
        for name in names
    ]
    scored = dict(map_tasks(score_protocol, tasks))
    ordered = {name: scored[name] for name in names}
    return _assemble(read_run_info(path), ordered, time.perf_counter() - start)


@dataclass(frozen=True, kw_only=True)
class ProtocolTask:
    """One predictions file to be scored under one protocol, wherever that happens."""

    path: Path
    protocol: str
    options: Options


def score_protocol(task: ProtocolTask) -> tuple[str, Scored]:
    """Score a file under a protocol; return the protocol's id with what came out."""
    predictions = read_predictions(task.path)
    options = _resolve(predictions, task.options)
    return task.protocol, _score(predictions, get_protocol(task.protocol), options)


def _resolve(predictions: Predictions, options: Options | None) -> Options:
    """Check that there is something to score, and fill in what the run says of itself."""
    if not predictions.info.has_ground_truth or not len(predictions.ground_truth):
        raise ConfigError(
            "these predictions have no ground truth, so there is nothing to score them against: "
            "prepare the data with annotations (NOCS gts or labels) and run again"
        )
    return (options or Options()).resolve(predictions.info.configuration)


def _assemble(run: RunInfo, scored: dict[str, Scored], seconds: float) -> Evaluation:
    result = Result(
        run=run,
        protocols=tuple(block for block, _, _ in scored.values()),
        environment=describe_environment(),
        seconds=seconds,
    )
    return Evaluation(
        result=result,
        instances={protocol: rows for protocol, (_, rows, _) in scored.items()},
        curves={
            f"{protocol}/{name}": values
            for protocol, (_, _, curves) in scored.items()
            for name, values in curves.items()
        },
    )


def _score(predictions: Predictions, protocol: Protocol, options: Options) -> Scored:
    if protocol.tracking:
        block, rows = score_tracking(predictions, options.apply(protocol), options)
        return block, rows, {}
    scores = score_detections(predictions, protocol, options)
    instances = list_instances(predictions, scores)
    block = summarise(
        _list_categories(predictions, scores, instances),
        protocol=protocol.id,
        version=protocol.version,
        options=options.describe() | {"matched_by": scores.overlap_kind},
        frames=len(predictions.frames),
        notes=_list_notes(predictions, scores, options),
    )
    if protocol.intervals:
        block = _add_intervals(block, predictions, scores, options)
    curves = {"overlap_ap": scores.overlap_curves[0], "pose_ap": scores.pose_curves[0]}
    if scores.size_curves is not None:
        curves["size_ap"] = scores.size_curves[0]
    return block, instances, curves


def _list_categories(
    predictions: Predictions, scores: Scores, instances: Instances
) -> list[CategoryResult]:
    truths = count_by_category(predictions.ground_truth.category)
    detections = count_by_category(predictions.detections.category)
    matched = instances.detection >= 0
    rows = []
    for index, category in enumerate(CATEGORIES):
        found = matched & (predictions.ground_truth.category == category.id)
        metrics = _compute_metrics(scores, index)
        if not truths[index]:
            metrics = dict.fromkeys(metrics, np.nan)
        metrics["median_deg"] = float(np.median(instances.degree[found])) if found.any() else np.nan
        metrics["median_cm"] = float(np.median(instances.cm[found])) if found.any() else np.nan
        rows.append(
            CategoryResult(
                category=category.name,
                instances=int(truths[index]),
                detections=int(detections[index]),
                matched=int(found.sum()),
                metrics=metrics,
            )
        )
    return rows


def _compute_metrics(scores: Scores, index: int) -> dict[str, float]:
    """Return the AP in percent of one category at the thresholds of the table."""
    ap = scores.pose_curves[0][index]
    places = zip(METRIC_NAMES, scores.protocol.headline_places, strict=True)
    metrics = {name: 100.0 * float(ap[place]) for name, place in places}
    if scores.size_curves is not None:
        for name, threshold in SIZE_METRICS.items():
            place = OVERLAP_THRESHOLDS.index(threshold)
            metrics[name] = 100.0 * float(scores.size_curves[0][index, place])
    return metrics


def _add_intervals(
    block: ProtocolResult, predictions: Predictions, scores: Scores, options: Options
) -> ProtocolResult:
    *each, mean = compute_intervals(predictions, scores, options.rounds, options.seed)
    categories = [
        replace(item, intervals=intervals) if item.instances else item
        for item, intervals in zip(block.categories, each, strict=True)
    ]
    return replace(
        block, categories=tuple(categories), mean_intervals={} if block.missing else mean
    )


def _list_notes(predictions: Predictions, scores: Scores, options: Options) -> tuple[str, ...]:
    """Say what a reader of the table has to know."""
    notes = []
    if options.sizes == "gt":
        notes.append("sizes are those of the ground truth, not predicted")
    if scores.overlap_kind != scores.protocol.overlap:
        notes.append("no sizes are predicted: matched by 2D box")
    if scores.protocol.counting == "matched":
        missed = int((~scores.counted_truths).sum())
        notes.append(f"pose AP leaves out {missed} objects that no detection overlaps")
    if options.pooling == "nearest":
        notes.append(f"oracle: nearest to the truth ({scores.protocol.oracle} errors)")
    elif options.ranker == "gt":
        notes.append("oracle: ranked by the true errors")
    ranked = options.ranker != "energy" or predictions.energies is not None
    if predictions.hypotheses is not None and not ranked:
        notes.append("nothing ranks the hypotheses: all are averaged")
    if options.sizes == "own" and not has_sizes(predictions):
        notes.append("IoU is blank: no sizes are predicted")
    return tuple(notes)
