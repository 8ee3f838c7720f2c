"""The files of an evaluation: result.json, tables, instances and curves, in one folder."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.categories import get_category
from benchmark.evaluation.evaluator import Evaluation
from benchmark.evaluation.instances import METRIC_NAMES, Instances
from benchmark.evaluation.protocols import get_protocol
from benchmark.evaluation.result import RESULT_NAME, write_result
from benchmark.evaluation.tables import write_tables
from benchmark.evaluation.tracks import compute_drift, compute_recoveries
from benchmark.predictions import Predictions
from benchmark.replacing import replacing
from benchmark.texts import to_cells

if TYPE_CHECKING:
    import pandas

INSTANCES_NAME = "instances.csv"
CURVES_NAME = "curves.npz"
_ROWS_AT_A_TIME = 4096
DRIFT_NAME, RECOVERIES_NAME = "drift.csv", "recoveries.csv"


def write_evaluation(out: Path, predictions: Predictions, evaluation: Evaluation) -> None:
    """Write every file of an evaluation into `out`.

    result.json: all blocks. table.csv and table.md: the per-category tables. instances.csv: one
    row per annotated object and protocol. curves.npz: AP over all thresholds. drift.csv and
    recoveries.csv, for tracking protocols: errors along the tracks.
    """
    write_result(out / RESULT_NAME, evaluation.result)
    write_tables(out, evaluation.result)
    with replacing(out / INSTANCES_NAME) as temporary:
        _write_instances(temporary, predictions, evaluation)
    with replacing(out / CURVES_NAME) as temporary, temporary.open("wb") as handle:
        np.savez_compressed(handle, allow_pickle=False, **evaluation.curves)
    for name, table in build_track_tables(predictions, evaluation).items():
        with replacing(out / name) as temporary:
            table.to_csv(temporary, index=False)


def build_track_tables(
    predictions: Predictions, evaluation: Evaluation
) -> "dict[str, pandas.DataFrame]":
    """Return drift and recoveries by file name; nothing without a tracking protocol."""
    import pandas

    tracking = {
        protocol: rows
        for protocol, rows in evaluation.instances.items()
        if get_protocol(protocol).tracking
    }
    computations = {DRIFT_NAME: compute_drift, RECOVERIES_NAME: compute_recoveries}
    return {
        name: pandas.concat(
            [compute(predictions, rows).assign(protocol=id_) for id_, rows in tracking.items()]
        )
        for name, compute in computations.items()
        if tracking
    }


def _write_instances(path: Path, predictions: Predictions, evaluation: Evaluation) -> None:
    """Write what each protocol says of every annotated object, some thousand rows at a time."""
    count, begun = len(predictions.ground_truth), False
    with path.open("w", encoding="utf-8", newline="") as handle:
        for protocol, side in evaluation.instances.items():
            for start in range(0, max(count, 1), _ROWS_AT_A_TIME):
                rows = slice(start, start + _ROWS_AT_A_TIME)
                table = _build_instance_table(predictions, protocol, side, rows)
                to_cells(table).to_csv(handle, index=False, header=not begun, lineterminator="\n")
                begun = True


def _build_instance_table(
    predictions: Predictions, protocol: str, side: Instances, rows: slice
) -> "pandas.DataFrame":
    """Return what one protocol says of some of the annotated objects."""
    import pandas

    truths = predictions.ground_truth
    known = {
        "frame": predictions.frames.id[truths.frame[rows]],
        "category": [get_category(int(category)).name for category in truths.category[rows]],
        "instance": truths.instance[rows],
        "visible_pixels": truths.visible_pixels[rows],
    }
    side = side.take(rows)
    values = {name: column for name, column in side.items() if name != "passed"}
    values |= dict(zip(METRIC_NAMES, side.passed.T, strict=True))
    return pandas.DataFrame({"protocol": protocol} | known | values)
