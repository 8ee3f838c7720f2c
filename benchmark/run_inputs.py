"""What a run was made from, found again: its shards and its estimator with the same weights."""

from collections.abc import Sequence
from pathlib import Path

from benchmark.errors import ConfigError
from benchmark.estimator import EstimatorOptions, PoseEstimator
from benchmark.predictions import RunInfo
from benchmark.registry import load_estimator
from benchmark.shards import read_fingerprint
from benchmark.texts import is_file_name


def find_shards_used(info: RunInfo, shards: Sequence[Path]) -> list[Path]:
    """Return those of `shards` that a run was made from, in order.

    Raises:
        ConfigError: one of the run's shards is not among them, or was changed.
    """
    expected = _select(info, "shard:")
    used = [path for path in shards if expected.get(path.stem) == read_fingerprint(path)]
    missing = sorted(set(expected) - {path.stem for path in used})
    if missing or not used:
        raise ConfigError(
            f"{shards[0].parent}: expected the shards that the run was made from, "
            f"{', '.join(missing) or 'none'} is missing or was changed: name the run's own shards"
        )
    return used


def load_run_estimator(info: RunInfo, weights: Path | None, device: str) -> PoseEstimator:
    """Load a run's estimator with the weights that it used.

    Args:
        info: the run.
        weights: name or folder; None takes what the run says.
        device: torch device name, "auto" takes a GPU where there is one.

    Raises:
        ConfigError: these are other weights, or the run names a folder of its own for them.
    """
    named = info.configuration.get("weights")
    if weights is None and named:
        weights = _check_name(str(named))
    options = EstimatorOptions(
        preset=info.configuration.get("preset"), weights=weights, hypotheses=1, device=device
    )
    estimator = load_estimator(info.estimator, options)
    found = estimator.describe().get("fingerprints", {})
    if any(found.get(name) != value for name, value in _select(info, "weights:").items()):
        raise ConfigError(
            f"the run has other weights than {weights or 'the shipped ones'}: "
            "name its own with --weights FOLDER"
        )
    return estimator


def _check_name(named: str) -> Path:
    """Return the name of weights that a run states: no folder is looked up for a file's sake."""
    if not is_file_name(named):
        raise ConfigError(
            f"the run names its weights by a path, {named:.80}, which is not followed: "
            "name them with --weights FOLDER"
        )
    return Path(named)


def _select(info: RunInfo, prefix: str) -> dict[str, str]:
    """Return the fingerprints whose names begin with `prefix`, without it."""
    return {
        name.removeprefix(prefix): value
        for name, value in info.fingerprints.items()
        if name.startswith(prefix)
    }
