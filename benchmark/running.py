"""An estimator over shards: predictions, a part per shard, resumable.

Each shard becomes one file under RUN/parts, written in one go when it is complete; at the end the
parts are joined into RUN/predictions.h5 and removed. A run that was interrupted goes on where it
stopped. Memory holds one shard's predictions at a time.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from benchmark.cluster import MapTasks
from benchmark.environment import describe_environment
from benchmark.errors import ConfigError, ShardFormatError
from benchmark.estimator import EstimatorOptions, PoseEstimator
from benchmark.inference import Advance, ShardEstimates, estimate_shard
from benchmark.locking import locked
from benchmark.predictions import (
    Predictions,
    RunInfo,
    join_files,
    read_predictions,
    read_run_info,
    write_predictions,
)
from benchmark.registry import load_estimator
from benchmark.shards import (
    Shard,
    read_fingerprint,
    read_frame_count,
    read_shard,
    read_shard_info,
    take_frames,
)
from benchmark.texts import to_file_name

PREDICTIONS_NAME = "predictions.h5"
_PARTS_NAME = "parts"
_SHARD = "shard:"


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How an estimator is run.

    Attributes:
        seed: seed of the run; every observation derives its own from it.
        limit: number of frames to stop after, None for all.
        batch: observations per call of the estimator; bounds memory, never changes a result.
        estimator: what the estimator itself is told.
    """

    seed: int = 0
    limit: int | None = None
    batch: int = 32
    estimator: EstimatorOptions = field(default_factory=EstimatorOptions)

    def __post_init__(self) -> None:
        for name in ("limit", "batch"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"{name}: expected 1 or more, got {value}")


class ShardRunner(Protocol):
    """What a run does with each of its shards, in order."""

    def run(self, shard: Shard, info: RunInfo, advance: Advance) -> Predictions:
        """Return the predictions of a shard; `info.environment` says what they cost."""
        ...

    def skip(self, shard: Shard, done: Predictions) -> None:
        """Take note of a shard that an earlier, interrupted run was through with."""
        ...

    def summarise(self, spent: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return what the whole run cost, given what its shards did."""
        ...


@dataclass(frozen=True, kw_only=True)
class PartTask:
    """One shard to estimate, wherever that happens.

    Attributes:
        estimator: its registered name.
        options: what it is loaded with.
        shard: the shard.
        frames: how many of its frames, None for all.
        part: file to write.
    """

    estimator: str
    options: RunOptions
    shard: Path
    frames: int | None
    part: Path


def run_estimator(
    estimator: PoseEstimator,
    shards: Sequence[Path],
    out: Path,
    options: RunOptions,
    advance: Advance = lambda _: None,
    map_tasks: MapTasks | None = None,
) -> Path:
    """Run `estimator` over `shards`, going on where an earlier run of the same kind stopped.

    Args:
        estimator: a loaded estimator.
        shards: shard files of one data set and split, in order.
        out: folder of the run.
        options: seed, limit and what the estimator was loaded with.
        advance: called with the number of frames just done.
        map_tasks: who estimates the shards; None does it here, one after the other.

    Returns:
        The predictions file.

    Raises:
        ConfigError: `out` is in use or holds another run; the shards lack what the estimator needs.
        InvalidPoseError: the estimator returned something that is not a pose.
        ShardFormatError: a shard is damaged, or the shards are not of one data set.
    """
    base, runner = describe_run(estimator, options), _EstimatorRunner(estimator, options)
    if map_tasks is None:
        return run_shards(runner, base, shards, out, limit=options.limit, advance=advance)

    def make_parts(folder: Path) -> None:
        tasks = plan_parts(estimator.spec.name, options, shards, folder)
        for frames in map_tasks(run_part, tasks):
            advance(frames)

    return run_shards(runner, base, shards, out, limit=options.limit, make_parts=make_parts)


def plan_parts(
    estimator: str, options: RunOptions, shards: Sequence[Path], folder: Path
) -> list[PartTask]:
    """Return one task a shard, up to the limit of frames."""
    tasks, left = [], options.limit
    for shard in shards:
        if left == 0:
            break
        frames = None if left is None else min(left, read_frame_count(shard))
        left = None if left is None or frames is None else left - frames
        tasks.append(
            PartTask(
                estimator=estimator,
                options=options,
                shard=shard.resolve(),
                frames=frames,
                part=folder.resolve() / shard.name,
            )
        )
    return tasks


def run_part(task: PartTask) -> int:
    """Estimate one shard and write its part, unless that was done; return its number of frames."""
    estimator = _load_once(task.estimator, task.options.estimator)
    shard = read_shard(task.shard, mapped=False)
    if task.frames is not None:
        shard = take_frames(shard, task.frames)
    info = _describe_part(describe_run(estimator, task.options), task.shard, shard)
    if _read_done(task.part, info) is None:
        made = _EstimatorRunner(estimator, task.options).run(shard, info, lambda _: None)
        write_predictions(task.part, made)
    return len(shard.frames)


_loaded: dict[str, PoseEstimator] = {}


def _load_once(name: str, options: EstimatorOptions) -> PoseEstimator:
    """Load an estimator, or return the one that this process loaded last, if it is the same."""
    key = f"{name} {options}"
    if key not in _loaded:
        _loaded.clear()
        _loaded[key] = load_estimator(name, options)
    return _loaded[key]


def run_shards(
    runner: ShardRunner,
    base: RunInfo,
    shards: Sequence[Path],
    out: Path,
    *,
    limit: int | None,
    advance: Advance = lambda _: None,
    make_parts: Callable[[Path], None] = lambda _: None,
) -> Path:
    """Run `runner` over `shards`, a part each, and join the parts; see `run_estimator`.

    `make_parts` is given the folder of parts first, and may make some of them by other means.
    """
    path = out / PREDICTIONS_NAME
    with locked(out):
        if path.exists():
            _check_same_run(path, base, shards, limit)
            shutil.rmtree(out / _PARTS_NAME, ignore_errors=True)  # left by a kill in between
            return path
        make_parts(out / _PARTS_NAME)
        parts = []
        for source, shard in _iterate_limited(shards, limit):
            part = out / _PARTS_NAME / source.name
            info = _describe_part(base, source, shard)
            done = _read_done(part, info)
            if done is None:
                write_predictions(part, runner.run(shard, info, advance))
            else:
                runner.skip(shard, done)
                advance(len(shard.frames))
            parts.append(part)
        infos = [read_run_info(part) for part in parts]
        spent = runner.summarise([info.environment for info in infos])
        join_files(path, parts, _describe_whole(infos, spent))
        shutil.rmtree(out / _PARTS_NAME)
    return path


def describe_run(estimator: PoseEstimator, options: RunOptions) -> RunInfo:
    """Return what the predictions will say of themselves, as far as no shard decides it."""
    described = dict(estimator.describe())
    fingerprints = described.pop("fingerprints", {})
    configuration = {"seed": options.seed, "limit": options.limit} | described
    if "hypotheses" in estimator.spec.gives:
        configuration["hypotheses"] = options.estimator.hypotheses
    return RunInfo(
        estimator=estimator.spec.name,
        dataset="",
        split="",
        label_set="",
        configuration=json.loads(json.dumps(configuration, default=str)),
        fingerprints={f"weights:{name}": value for name, value in fingerprints.items()},
    )


def name_run(base: RunInfo, shards: Sequence[Path]) -> str:
    """Return a folder name that is the same for the same run, and another for any other.

    The data set is called what a file says, so its name is not taken as it is.
    """
    info = read_shard_info(shards[0])
    fingerprints = [read_fingerprint(path) for path in shards]
    identity = json.dumps([base.configuration, base.fingerprints, fingerprints], sort_keys=True)
    digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
    return f"{to_file_name(f'{base.estimator}-{info.dataset}-{info.split}')}-{digest}"


def count_frames(shards: Sequence[Path], limit: int | None = None) -> int:
    """Return how many frames a run over `shards` will go through."""
    total = sum(read_frame_count(path) for path in shards)
    return total if limit is None else min(total, limit)


def _iterate_limited(paths: Sequence[Path], limit: int | None) -> Iterator[tuple[Path, Shard]]:
    """Yield shards of one kind until `limit` frames are reached, cutting the last one."""
    kind: tuple[str, str, str] | None = None
    left = limit
    for path in paths:
        if left == 0:
            return
        shard = read_shard(path, mapped=False)
        found = (shard.info.dataset, shard.info.split, shard.info.label_set)
        if kind not in (None, found):
            raise ShardFormatError(
                f"{path}: expected a shard of {kind}, got {found}: run one data set and split"
            )
        kind = found
        if left is not None:
            shard = take_frames(shard, left)
            left -= len(shard.frames)
        yield path, shard


@dataclass(frozen=True)
class _EstimatorRunner:
    """Estimates every shard by itself."""

    estimator: PoseEstimator
    options: RunOptions

    def run(self, shard: Shard, info: RunInfo, advance: Advance) -> Predictions:
        """Estimate the clouds of a shard in batches; see `ShardRunner`."""
        start = time.perf_counter()
        made = estimate_shard(
            self.estimator,
            shard,
            seed=self.options.seed,
            hypotheses=self.options.estimator.hypotheses,
            batch=self.options.batch,
            advance=advance,
        )
        spent = count_cost(made, len(shard.objects), time.perf_counter() - start)
        return build_predictions(replace(info, environment=spent), shard, made)

    def skip(self, shard: Shard, done: Predictions) -> None:
        """Do nothing: no shard depends on another."""

    def summarise(self, spent: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Add up; see `ShardRunner`."""
        return add_costs(spent)


def build_predictions(info: RunInfo, shard: Shard, made: ShardEstimates) -> Predictions:
    """Put a shard's frames, ground truth and detections together with what was made of them."""
    return Predictions(
        info=info,
        frames=shard.frames,
        ground_truth=shard.ground_truth,
        detections=shard.detections,
        estimates=made.estimates,
        hypotheses=made.hypotheses,
        energies=made.energies,
    )


def count_cost(made: ShardEstimates, clouds: int, seconds: float) -> dict[str, Any]:
    """Return what the estimates of a shard cost."""
    each = 1 if made.hypotheses is None else made.hypotheses.shape[1]
    return {"seconds": seconds, "clouds": clouds, "hypotheses": clouds * each}


def add_costs(spent: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what the shards cost in all, and the hypotheses per second."""
    names = ("seconds", "clouds", "hypotheses")
    total = {name: sum(part[name] for part in spent) for name in names}
    rate = total["hypotheses"] / total["seconds"] if total["seconds"] else None
    return total | {"hypotheses_per_second": rate}


def _describe_part(base: RunInfo, path: Path, shard: Shard) -> RunInfo:
    shard_fingerprint = {f"{_SHARD}{path.stem}": read_fingerprint(path)}
    return replace(
        base,
        dataset=shard.info.dataset,
        split=shard.info.split,
        label_set=shard.info.label_set,
        has_ground_truth=shard.info.has_ground_truth,
        fingerprints=base.fingerprints | shard.info.fingerprints | shard_fingerprint,
    )


def _read_done(part: Path, info: RunInfo) -> Predictions | None:
    """Return `part` if it is whole and was made by this very run."""
    try:
        done = read_predictions(part)
    except ShardFormatError:
        return None
    return done if replace(done.info, environment={}) == info else None


def _describe_whole(parts: Sequence[RunInfo], spent: dict[str, Any]) -> RunInfo:
    """Join what the parts say: their fingerprints, and what they cost."""
    environment = describe_environment() | spent
    fingerprints: dict[str, str] = {}
    for part in parts:
        for name, value in part.fingerprints.items():
            known = fingerprints.setdefault(name, value)
            if known != value:  # parts of one whole: their digest stands for all of them
                fingerprints[name] = hashlib.sha256((known + value).encode()).hexdigest()
    return replace(parts[0], environment=environment, fingerprints=fingerprints)


def _check_same_run(path: Path, base: RunInfo, shards: Sequence[Path], limit: int | None) -> None:
    """Check that a finished run is the one that was asked for."""
    found = read_run_info(path)
    made_of = {k.removeprefix(_SHARD): v for k, v in found.fingerprints.items() if _SHARD in k}
    asked = {source.stem: read_fingerprint(source) for source in shards[: len(made_of)]}
    whole = limit is not None or len(made_of) == len(shards)
    same = (found.estimator, found.configuration) == (base.estimator, base.configuration)
    if not (same and whole and asked == made_of):
        raise ConfigError(
            f"{path.parent} holds another run (estimator, options or shards differ): "
            "choose another folder with --out, or delete it"
        )
