"""Two runs over the same objects: a paired test of every metric, and who alone is right where."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from benchmark.categories import get_category
from benchmark.errors import ConfigError
from benchmark.evaluation.instances import METRIC_NAMES
from benchmark.evaluation.protocols import DEFAULT_PROTOCOL, Options, get_protocol
from leaderboards.analysis.metrics import ROWS, is_error, list_metrics, resample_metrics
from leaderboards.analysis.resampling import ROUNDS, Estimate, Unit, plan_resampling
from leaderboards.runs import Run

if TYPE_CHECKING:
    import pandas

Better = Literal["first", "second", "undecided"]

_SAME_DATA = ("frames", "labels")


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One metric of one category in both runs.

    Attributes:
        category: its name, or "mean".
        metric: name.
        first, second: the metric in either run.
        difference: second minus first, with its paired interval.
    """

    category: str
    metric: str
    first: float
    second: float
    difference: Estimate

    @property
    def better(self) -> Better:
        """The run that the whole interval favours."""
        low, high = self.difference.low, self.difference.high
        if is_error(self.metric):
            low, high = -high, -low
        return "second" if low > 0 else "first" if high < 0 else "undecided"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two runs under one protocol.

    Attributes:
        names: of the two runs.
        protocol: id and version.
        resampling: what the intervals rest on.
        differences: every metric of every category and of their mean.
        disagreements: objects that only one run gets right; see `list_disagreements`.
        notes: what a reader has to know.
    """

    names: tuple[str, str]
    protocol: str
    resampling: str
    differences: tuple[Difference, ...]
    disagreements: "pandas.DataFrame"
    notes: tuple[str, ...] = ()


def compare_runs(
    first: Run,
    second: Run,
    protocol: str = DEFAULT_PROTOCOL,
    *,
    unit: Unit | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
    allow_different_detections: bool = False,
) -> Comparison:
    """Compare two runs, frames or scenes being drawn for both alike.

    Args:
        first, second: runs over the same frames and labels.
        protocol: id.
        unit: what is drawn; None chooses by `choose_unit`.
        rounds, seed: of the bootstrap.
        allow_different_detections: compare runs that start from other detections, too.

    Raises:
        ConfigError: the runs are not over the same data, or not over the same detections.
    """
    notes = check_comparable(first, second, allow_different_detections)
    rules, options = get_protocol(protocol), Options(seed=seed)
    resampling = plan_resampling(first.predictions, unit, rounds, seed)
    sides = [resample_metrics(run, protocol, options, resampling) for run in (first, second)]
    differences = tuple(
        Difference(
            category=category,
            metric=metric,
            first=float(sides[0][row, 0, column]),
            second=float(sides[1][row, 0, column]),
            difference=resampling.estimate(sides[1][row, :, column] - sides[0][row, :, column]),
        )
        for row, category in enumerate(ROWS)
        for column, metric in enumerate(list_metrics(rules))
    )
    return Comparison(
        names=(first.name, second.name),
        protocol=rules.name,
        resampling=resampling.describe(),
        differences=differences,
        disagreements=list_disagreements(first, second, protocol, options),
        notes=(*notes, f"{len(differences)} comparisons: about one in twenty errs by chance"),
    )


def check_comparable(
    first: Run, second: Run, allow_different_detections: bool = False
) -> tuple[str, ...]:
    """Check that two runs answer the same question; return what has to be said of them.

    Raises:
        ConfigError: other frames or labels, or other detections without leave.
    """
    differing = [
        name
        for name in (*_SAME_DATA, "detections")
        if first.info.fingerprints.get(name) != second.info.fingerprints.get(name)
    ]
    if set(differing) & set(_SAME_DATA) or not _share_objects(first, second):
        what = " and ".join(differing) or "objects"
        raise ConfigError(
            f"{first.name} and {second.name} are over different data ({what} differ: {first.data}, "
            f"{second.data}): compare runs of the same shards and --limit"
        )
    if not differing:
        return ()
    if not allow_different_detections:
        raise ConfigError(
            f"{first.name} and {second.name} start from different detections, so that a difference "
            "may be the detector's: run both on the same, or add --allow-different-detections"
        )
    return ("the runs start from different detections: a difference may be the detector's",)


def _share_objects(first: Run, second: Run) -> bool:
    sides = [run.predictions for run in (first, second)]
    pairs = [
        [side.frames.id, side.ground_truth.frame, side.ground_truth.category] for side in sides
    ]
    return all(np.array_equal(*pair) for pair in zip(*pairs, strict=True))


def list_disagreements(
    first: Run, second: Run, protocol: str, options: Options
) -> "pandas.DataFrame":
    """List every object that only one run gets right, metric by metric.

    Returns:
        Columns frame, category, instance, metric, right ("first" or "second"), and the errors of
        both runs (first_deg, first_cm, second_deg, second_cm), NaN where an object was missed.
    """
    import pandas

    sides = [run.evaluate(protocol, options).instances[protocol] for run in (first, second)]
    row, metric = np.nonzero(sides[0].passed != sides[1].passed)
    predictions = first.predictions
    truths = predictions.ground_truth.take(row)
    errors = {
        f"{name}_{unit}": values[row]
        for name, side in zip(("first", "second"), sides, strict=True)
        for unit, values in (("deg", side.degree), ("cm", side.cm))
    }
    return pandas.DataFrame(
        {
            "frame": predictions.frames.id[truths.frame],
            "category": [get_category(int(category)).name for category in truths.category],
            "instance": truths.instance,
            "metric": np.array(METRIC_NAMES)[metric],
            "right": np.where(sides[0].passed[row, metric], "first", "second"),
            **errors,
        }
    )
