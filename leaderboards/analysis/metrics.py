"""The headline metrics of a run for every weighting of its frames."""

from functools import lru_cache

import numpy as np

from benchmark.categories import CATEGORIES, CATEGORY_NAMES
from benchmark.evaluation.bootstrap import resample_by_weight
from benchmark.evaluation.instances import METRIC_NAMES, Instances
from benchmark.evaluation.protocols import Options, Protocol, get_protocol
from benchmark.evaluation.scoring import score_detections
from leaderboards.analysis.resampling import Resampling
from leaderboards.runs import Run

ROWS = (*CATEGORY_NAMES, "mean")
TRACKING_METRICS = ("5deg_5cm", "mean_deg", "mean_cm")


def list_metrics(protocol: Protocol) -> tuple[str, ...]:
    """Return the names of the metrics that `resample_metrics` gives."""
    return TRACKING_METRICS if protocol.tracking else METRIC_NAMES


def is_error(metric: str) -> bool:
    """Tell whether smaller is better."""
    return metric.startswith("mean_")


@lru_cache(maxsize=64)
def resample_metrics(
    run: Run, protocol: str, options: Options, resampling: Resampling
) -> np.ndarray:
    """Return the metrics (7, 1 + rounds, metrics): six categories, then their mean.

    AP and accuracy are percentages. A category without objects is NaN, and so is then the mean.

    Raises:
        ConfigError: the protocol cannot score this method with these options.
    """
    rules = get_protocol(protocol)
    if rules.tracking:
        instances = run.evaluate(protocol, options).instances[protocol]
        each = _resample_tracking(run, instances, resampling)
    else:
        predictions = run.predictions
        resolved = options.resolve(predictions.info.configuration)
        scores = score_detections(predictions, rules, resolved)
        each = resample_by_weight(predictions, scores, resampling.weights)
        each = each[..., : len(METRIC_NAMES)]
        present = np.isin([item.id for item in CATEGORIES], predictions.ground_truth.category)
        each[~present] = np.nan
    return np.concatenate([each, each.mean(axis=0, keepdims=True)])


def _resample_tracking(run: Run, instances: Instances, resampling: Resampling) -> np.ndarray:
    """Return accuracy and mean errors (6, 1 + rounds, 3) of tracked objects."""
    truths = run.predictions.ground_truth
    passed = 100.0 * instances.passed[:, METRIC_NAMES.index("5deg_5cm")]
    values = np.stack([passed, instances.degree, instances.cm], axis=1)
    rows = [instances.counted & (truths.category == item.id) for item in CATEGORIES]
    return np.stack([resampling.mean(values[row], truths.frame[row]) for row in rows])
