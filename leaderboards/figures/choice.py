"""Which runs a figure shows when nobody says, and what they are called in it."""

from collections.abc import Sequence

from benchmark.errors import ConfigError, UnknownNameError
from leaderboards.runs import Run, Runs

_MAIN = "genpose"
_TWIN, _FLOOR = "regression", "mean-pose"


def choose_main(runs: Runs, name: str | None = None) -> Run:
    """Return the run that is shown: the one of this name, else the first of GenPose.

    Runs of held-out categories and of tracking are taken only by name, and the run with the most
    frames comes first.

    Raises:
        UnknownNameError: no run of this name.
        ConfigError: no run to choose.
    """
    if name is not None:
        return _get_run(runs, name)
    mine = [run for run in runs.found if run.info.estimator == _MAIN and _is_plain(run)]
    if not mine:
        raise ConfigError(
            f"no run of {_MAIN} among {len(runs.found)} runs: make one with genbench run, "
            "or name a run with --run"
        )
    return max(mine, key=_rank_run)


def choose_other(runs: Runs, main: Run, name: str | None = None) -> Run | None:
    """Return the run that `main` is compared with: by name, else another method on the same data.

    The regression twin comes before other methods; None where there is no other.

    Raises:
        UnknownNameError: no run of this name.
    """
    if name is not None:
        return _get_run(runs, name)
    others = [
        run
        for run in runs.found
        if run.data == main.data and run.info.estimator != main.info.estimator and _is_plain(run)
    ]
    same_frames = [run for run in others if _get_identity(run) == _get_identity(main)]
    return max(same_frames or others, key=_rank_other, default=None)


def check_comparable(runs: Sequence[Run]) -> None:
    """Check that runs are of the same data.

    Raises:
        ConfigError: they are not; the message names two.
    """
    for run in runs[1:]:
        if run.data != runs[0].data:
            raise ConfigError(
                f"{run.folder} is of {run.data}, {runs[0].folder} of {runs[0].data}: "
                "compare runs of the same data"
            )


def name_methods(runs: Sequence[Run]) -> list[str]:
    """Return what runs are called: their estimators if these differ, else their folders."""
    names = [run.info.estimator for run in runs]
    return names if len(set(names)) == len(names) else [run.name for run in runs]


def _get_run(runs: Runs, name: str) -> Run:
    for run in runs.found:
        if name == run.name:
            return run
    raise UnknownNameError.suggest("run", name, [run.name for run in runs.found])


def _is_plain(run: Run) -> bool:
    return run.holdout is None and not run.is_tracking


def _get_identity(run: Run) -> tuple[str | None, str | None]:
    """Return what tells which frames and detections a run is over."""
    return run.info.fingerprints.get("frames"), run.info.fingerprints.get("detections")


def _count_clouds(run: Run) -> int:
    return int(run.info.environment.get("clouds", 0))


def _rank_run(run: Run) -> tuple[bool, bool, int]:
    """Prefer whole runs of the compact preset, then those over most detections."""
    configuration = run.info.configuration
    compact = configuration.get("preset") == "compact"
    return configuration.get("limit") is None, compact, _count_clouds(run)


def _rank_other(run: Run) -> tuple[int, int]:
    """Prefer the regression twin, and the mean pose least."""
    preference = {_TWIN: 1, _FLOOR: -1}.get(run.info.estimator, 0)
    return preference, _count_clouds(run)
