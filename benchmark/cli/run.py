"""`genbench run`: an estimator over shards, and the table."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.console import get_runs_home, show_progress
from benchmark.cli.default_shards import find_test_shards
from benchmark.cli.run_report import report
from benchmark.cli.spreading import connect_if_asked, spreading_options

if TYPE_CHECKING:
    from benchmark.cluster import MapTasks
    from benchmark.running import RunOptions
    from benchmark.shards import Split

    _Source = tuple[Path | None, Split]  # shards, or their folder and which of them
    _Spreading = AbstractContextManager[MapTasks | None]

_ESTIMATOR_OPTIONS = ("preset", "weights", "hypotheses", "keep", "device")
_TRACKING_OPTIONS = ("policy", "start", "models")


@click.command("run")
@click.argument("shards", type=click.Path(path_type=Path), required=False)
@click.option("--estimator", default="genpose", show_default=True, help="See genbench list.")
@click.option("--preset", help="Configuration of the estimator (genpose: compact, paper).")
@click.option(
    "--weights", type=click.Path(path_type=Path), help="Weights; the shipped if not given."
)
@click.option(
    "--split",
    type=click.Choice(["test", "val", "train"]),
    default="test",
    show_default=True,
    help="test is Real test, or own data; val is CAMERA val.",
)
@click.option(
    "--hypotheses",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    help="Poses to sample for each detection.",
)
@click.option(
    "--keep",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.6,
    show_default=True,
    help="Share of the ranked hypotheses to average.",
)
@click.option(
    "--t0", type=click.FloatRange(0, 1, min_open=True), help="Start on the noise schedule."
)
@click.option(
    "--ranking",
    type=click.Choice(["separate", "joint"]),
    help="Rank rotation and translation apart (released code) or jointly (paper).",
)
@click.option("--sampler", help="How hypotheses are sampled.")
@click.option("--steps", type=click.IntRange(1), help="Steps of a sampler with fixed steps.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto.")
@click.option("--threads", type=click.IntRange(1), help="CPU threads  [default: all].")
@click.option("--limit", type=click.IntRange(1), help="Stop after so many frames.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--holdout",
    metavar="CATEGORY",
    help="Compare weights that were trained without a category with weights that were not.",
)
@click.option(
    "--train-shards",
    type=click.Path(path_type=Path),
    help="What --holdout trains on if no such weights are shipped  [default: rendered].",
)
@click.option("--track", is_flag=True, help="Follow objects from frame to frame.")
@click.option(
    "--policy",
    type=click.Choice(["reinit", "coast"]),
    help="After a missed frame: start anew, or go on from the last pose  [default: reinit].",
)
@click.option(
    "--start",
    type=click.Choice(["truth", "perturbed"]),
    help="First pose of a track; the estimator's own if not given.",
)
@click.option(
    "--warm-start",
    type=click.Choice(["released", "text", "algorithm"]),
    help="Noise around the last pose: T0 0.15, T0 0.1 or noise 0.1; the preset's own if not given.",
)
@click.option(
    "--models",
    type=click.Path(path_type=Path),
    help="obj_models, for oracle-icp; looked for around SHARDS if not given.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the run  [default: genbench-runs/...].",
)
@spreading_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def run(
    context: click.Context,
    /,
    shards: Path | None,
    estimator: str,
    split: "Split",
    threads: int | None,
    holdout: str | None,
    train_shards: Path | None,
    track: bool,
    scheduler: str | None,
    cluster: str | None,
    out: Path | None,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Estimate the poses of all detections in SHARDS, and print the per-category table.

    SHARDS is a folder that genbench prepare wrote, or one of its files; without it, the embedded
    data set synth6 is rendered and prepared first. A run that was interrupted goes on where it
    stopped when the same command is given again.

    With --holdout CATEGORY there are two runs, of weights with the same budget that did and did not
    see the category, and the row of Table 5 is printed. OUT is then the folder of both runs.

    With --track the annotated objects are followed from frame to frame, each from its pose before.
    """
    _set_up(threads)
    _check_spreading(scheduler or cluster, track or holdout)
    following = {name: chosen.pop(name) for name in _TRACKING_OPTIONS}
    options = build_options(chosen, tracking=track)
    if track:
        from benchmark.cli.track import run_tracking

        target = run_tracking(context, estimator, shards, split, options, following, out)
        report(context, target, as_json)
        return
    check_not_given(following)
    if holdout is not None:
        places = {"out": out, "train_shards": train_shards}
        _run_without(context, holdout, estimator, (shards, split), options, places, as_json)
        return
    spreading = connect_if_asked(scheduler, cluster)
    _run_plainly(context, estimator, (shards, split), options, out, spreading, as_json)


def _set_up(threads: int | None) -> None:
    """Prepare the process for networks that compute for a long time."""
    from benchmark.memory import keep_freed_memory

    keep_freed_memory()
    if threads is not None:
        import torch

        torch.set_num_threads(threads)


def _check_spreading(spread: str | None, other: str | bool | None) -> None:
    from benchmark.errors import ConfigError

    if spread and other:
        raise ConfigError("--scheduler and --cluster spread plain runs, not --track or --holdout")


def _run_without(
    context: click.Context,
    category: str,
    estimator: str,
    source: "_Source",
    options: "RunOptions",
    places: dict[str, Path | None],
    as_json: bool,
) -> None:
    """Compare weights that were trained with and without a category."""
    from benchmark.categories import get_category
    from benchmark.cli.holdout import run_holdout

    get_category(category)  # an unknown one is refused before anything is rendered
    paths = find_test_shards(context, *source)
    run_holdout(category, estimator, paths, options, **places, as_json=as_json)


def _run_plainly(
    context: click.Context,
    estimator: str,
    source: "_Source",
    options: "RunOptions",
    out: Path | None,
    spreading: "_Spreading",
    as_json: bool,
) -> None:
    """Estimate every detection by itself, and print the table."""
    from benchmark.logs import logging_into
    from benchmark.registry import load_estimator
    from benchmark.running import count_frames, describe_run, name_run, run_estimator

    loaded = load_estimator(estimator, options.estimator)
    paths = find_test_shards(context, *source)
    target = out or get_runs_home() / name_run(describe_run(loaded, options), paths)
    with logging_into(target):
        with (
            spreading as map_tasks,
            show_progress("estimating", count_frames(paths, options.limit)) as advance,
        ):
            run_estimator(loaded, paths, target, options, advance, map_tasks)
        report(context, target, as_json)


def check_not_given(following: dict[str, Any]) -> None:
    """Check that no option was given that only tracking understands.

    Raises:
        ConfigError: one was.
    """
    from benchmark.errors import ConfigError

    given = [f"--{name}" for name, value in following.items() if value is not None]
    if given:
        raise ConfigError(f"{', '.join(given)}: only tracking has this: add --track")


def build_options(chosen: dict[str, Any], *, tracking: bool = False) -> "RunOptions":
    """Sort the command's options into those of the run and those of the estimator."""
    from benchmark.estimator import EstimatorOptions
    from benchmark.running import RunOptions

    run_options = {name: chosen.pop(name) for name in ("seed", "limit")}
    told = {name: chosen.pop(name) for name in _ESTIMATOR_OPTIONS}
    extra = {name: value for name, value in chosen.items() if value is not None}
    return RunOptions(
        **run_options, estimator=EstimatorOptions(**told, tracking=tracking, extra=extra)
    )
