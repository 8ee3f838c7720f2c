"""Which objects one protocol accepts and another does not, and why."""

from collections.abc import Sequence
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
    predictions: Predictions, evaluation: Evaluation, *protocols: str
) -> "pandas.DataFrame":
    """List every object that passes a threshold, or counts, under some protocols but not others.

    Args:
        predictions: what was evaluated.
        evaluation: of all these protocols.
        protocols: ids, two or more.

    Returns:
        Columns frame, category, instance, metric, one column a protocol (whether it passes), why:
        what each refusing protocol has against what the first accepting one takes.
    """
    import pandas

    sides = [evaluation.instances[name] for name in protocols]
    tests = np.stack([_collect_tests(side) for side in sides])
    truths, rows = predictions.ground_truth, []
    for row, test in np.argwhere((tests != tests[0]).any(axis=0)):
        passed = tests[:, row, test]
        winner = sides[int(np.argmax(passed))]
        reasons = [
            _explain(winner, sides[index], row, protocols[index])
            for index in np.flatnonzero(~passed)
        ]
        rows.append(
            {
                "frame": predictions.frames.id[truths.frame[row]],
                "category": get_category(int(truths.category[row])).name,
                "instance": truths.instance[row],
                "metric": (*METRIC_NAMES, _COUNTED)[test],
                **dict(zip(protocols, passed.tolist(), strict=True)),
                "why": "; ".join(dict.fromkeys(reasons)),
            }
        )
    columns = ["frame", "category", "instance", "metric", *dict.fromkeys(protocols), "why"]
    return pandas.DataFrame(rows, columns=columns)


def count_flips(evaluation: Evaluation, protocols: Sequence[str]) -> "pandas.DataFrame":
    """Count the tests (an object at a threshold) that a row's protocol accepts, a column's refuses.

    Args:
        evaluation: of all these protocols.
        protocols: ids.

    Returns:
        One row and one column a protocol.
    """
    import pandas

    tests = [_collect_tests(evaluation.instances[name]) for name in protocols]
    counts = [[int((mine & ~theirs).sum()) for theirs in tests] for mine in tests]
    return pandas.DataFrame(counts, index=list(protocols), columns=list(protocols))


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
