"""`genbench run --track`: poses from frame to frame, of the objects that the ground truth names."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.console import get_runs_home, say, show_progress
from benchmark.cli.default_shards import find_test_shards

if TYPE_CHECKING:
    from benchmark.estimator import PoseTracker, TrackStart
    from benchmark.predictions import RunInfo
    from benchmark.running import RunOptions
    from benchmark.shards import Split
    from benchmark.tracking import Policy, TrackingOptions

MODELS = "obj_models"


def run_tracking(
    context: click.Context,
    estimator: str,
    shards: Path | None,
    split: "Split",
    options: "RunOptions",
    following: dict[str, Any],
    out: Path | None,
) -> Path:
    """Track the objects of shards, and say how fast it went; return the folder of the run.

    Args:
        context: of the command.
        estimator: registered name.
        shards: folder or file; None takes the aligned detections of synth6.
        split: of the shards in a folder.
        options: of the run.
        following: the command's policy, start and models, None where not given.
        out: folder of the run.

    Raises:
        ConfigError: the estimator does not track, or lacks the meshes that it needs.
    """
    from benchmark.logs import logging_into
    from benchmark.predictions import read_run_info
    from benchmark.registry import load_estimator
    from benchmark.running import count_frames, name_run
    from benchmark.tracking import check_tracker, describe_tracking, track_shards

    tracker = check_tracker(load_estimator(estimator, options.estimator))
    paths = find_test_shards(context, shards, split, aligned=True)
    tracking = build_tracking_options(tracker, paths, **following)
    target = out or get_runs_home() / name_run(describe_tracking(tracker, options, tracking), paths)
    with logging_into(target):
        with show_progress("tracking", count_frames(paths, options.limit)) as advance:
            path = track_shards(tracker, paths, target, options, tracking, advance)
        say(format_speed(read_run_info(path)))
    return target


def build_tracking_options(
    tracker: "PoseTracker",
    shards: list[Path],
    *,
    policy: "Policy | None",
    start: "TrackStart | None",
    models: Path | None,
) -> "TrackingOptions":
    """Return the options of tracking, with the meshes where the tracker needs them."""
    from benchmark.shards import read_shard_info
    from benchmark.tracking import TrackingOptions
    from preprocess.surfaces import ModelSurfaces

    folder = models or find_models(shards[0])
    surfaces = None
    if "cad" in tracker.spec.needs and folder is not None:
        surfaces = ModelSurfaces(folder, read_shard_info(shards[0]))
    return TrackingOptions(policy=policy or "reinit", start=start, surfaces=surfaces)


def find_models(shard: Path) -> Path | None:
    """Return the meshes of the tree that shards lie in, if they do."""
    folders = (parent / MODELS for parent in shard.resolve().parents[:3])
    return next((folder for folder in folders if folder.is_dir()), None)


def format_speed(info: "RunInfo") -> str:
    """Return one line on how fast frames were tracked."""
    speed, latency = info.environment["frames_per_second"], info.environment["latency_ms"]
    if speed is None:
        return "no frame held an object to track"
    times = ", ".join(f"{name} {value:.0f}" for name, value in latency.items())
    return f"{speed:.1f} frames per second; milliseconds a frame: {times}"
