"""Names to estimators: the built-in ones, and those that installed packages offer.

A package offers an estimator by an entry point of the group `genbench.estimators`:

    [project.entry-points."genbench.estimators"]
    my-method = "my_package.estimator:MyMethod"

Nothing is imported before it is asked for. A plug-in that cannot be used is an error that names it,
never a missing row.
"""

from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from benchmark.errors import PluginLoadError, UnknownNameError
from benchmark.estimator import EstimatorOptions, EstimatorSpec, PoseEstimator

ENTRY_POINT_GROUP = "genbench.estimators"

BUILT_IN: dict[str, str] = {
    "genpose": "benchmark.diffusion.estimator:GenPose",
    "regression": "baselines.regression.estimator:Regression",
    "mean-pose": "baselines.mean_pose:MeanPose",
    "oracle-icp": "baselines.oracle_icp:OracleICP",
}

_METHODS = ("load", "estimate", "describe")


def list_estimators() -> list[str]:
    """Return every registered name: the built-in ones first, then those of other packages."""
    return list(_find_targets())


def get_estimator(name: str) -> type[PoseEstimator]:
    """Import the estimator class registered under `name`.

    Raises:
        UnknownNameError: no estimator of this name; the message suggests the nearest.
        PluginLoadError: two packages claim the name, its module cannot be imported, or what it
            names is not an estimator.
    """
    targets = _find_targets()
    if name not in targets:
        raise UnknownNameError.suggest("estimator", name, list(targets))
    if len(targets[name]) > 1:
        raise PluginLoadError(
            f"estimator '{name}' is registered by {' and '.join(sorted(targets[name]))}: "
            "uninstall one of them"
        )
    target = targets[name][0]
    found: type[PoseEstimator] = _import_target(name, target)
    _check_contract(name, target, found)
    return found


def load_estimator(name: str, options: EstimatorOptions) -> PoseEstimator:
    """Build the estimator registered under `name`; see `get_estimator` for errors."""
    return get_estimator(name).load(options)


def _find_targets() -> dict[str, list[str]]:
    """Return the distinct "module:Class" targets that claim each name."""
    targets = {name: [target] for name, target in BUILT_IN.items()}
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name):
        claimed = targets.setdefault(point.name, [])
        if point.value not in claimed:
            claimed.append(point.value)
    return targets


def _import_target(name: str, target: str) -> Any:
    module, _, attribute = target.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except Exception as error:  # whatever a plug-in does on import, it is the plug-in's failure
        raise PluginLoadError(
            f"estimator '{name}' ({target}) cannot be imported: {type(error).__name__}: {error}"
        ) from error


def _check_contract(name: str, target: str, found: Any) -> None:
    lacks = [method for method in _METHODS if not callable(getattr(found, method, None))]
    if not isinstance(found, type) or lacks:
        raise PluginLoadError(
            f"estimator '{name}' ({target}): expected a class with {', '.join(_METHODS)}, "
            f"lacks {', '.join(lacks) or 'a class'}"
        )
    spec = getattr(found, "spec", None)
    if not isinstance(spec, EstimatorSpec) or spec.name != name:
        raise PluginLoadError(
            f"estimator '{name}' ({target}): expected spec = EstimatorSpec(name='{name}', ...), "
            f"got {spec!r}"
        )
