"""Which objects one protocol accepts and another does not, and why."""

from typing import TYPE_CHECKING

import numpy as np

from benchmark.categories import get_category
from benchmark.evaluation.evaluator import Evaluation
from benchmark.evaluation.instances import METRIC_NAMES, Instances
from benchmark.evaluation.protocols import MATCH_OVERLAP
from benchmark.predictions import Predictions

if TYPE_CHECKING:
    import pandas

_COUNTED = "counted"


def explain_flips(
    predictions: Predictions, evaluation: Evaluation, first: str, second: str
) -> "pandas.DataFrame":
    """List every object that passes a threshold, or counts, under one protocol but not the other.

    Args:
        predictions: what was evaluated.
        evaluation: of both protocols.
        first, second: protocol ids.

    Returns:
        Columns frame, category, instance, metric, one column a protocol (whether it passes), why.
    """
    import pandas

    sides = [evaluation.instances[name] for name in (first, second)]
    tests = [_collect_tests(side) for side in sides]
    truths, rows = predictions.ground_truth, []
    for row, test in np.argwhere(tests[0] != tests[1]):
        loser = 1 if tests[0][row, test] else 0
        rows.append(
            {
                "frame": predictions.frames.id[truths.frame[row]],
                "category": get_category(int(truths.category[row])).name,
                "instance": truths.instance[row],
                "metric": (*METRIC_NAMES, _COUNTED)[test],
                first: bool(tests[0][row, test]),
                second: bool(tests[1][row, test]),
                "why": _explain(sides[1 - loser], sides[loser], row, (first, second)[loser]),
            }
        )
    columns = ["frame", "category", "instance", "metric", first, second, "why"]
    return pandas.DataFrame(rows, columns=columns)


def _collect_tests(side: Instances) -> np.ndarray:
    return np.column_stack([side.passed, side.counted])


def _explain(winner: Instances, loser: Instances, row: int, name: str) -> str:
    """Say why `loser` refuses what `winner` accepts."""
    if loser.candidates[row] == 0:
        return "no detection of its category in the frame"
    if loser.detection[row] < 0:
        overlap = loser.overlap[row]
        reason = f"overlaps by {overlap:.3f}, at most {MATCH_OVERLAP:g}"
        if overlap > MATCH_OVERLAP:
            reason = f"overlaps by {overlap:.3f} but goes to another object"
        return f"{name}: no match, its best detection {reason}"
    if winner.detection[row] != loser.detection[row]:
        return f"{name} matches another detection, off by {_describe_errors(loser, row)}"
    if (winner.degree[row], winner.cm[row]) != (loser.degree[row], loser.cm[row]):
        return (
            f"{name} measures {_describe_errors(loser, row)}, "
            f"the other {_describe_errors(winner, row)}"
        )
    return f"{name} gives the detection that is near enough to another object"


def _describe_errors(side: Instances, row: int) -> str:
    return f"{side.degree[row]:.2f} deg and {side.cm[row]:.2f} cm"
