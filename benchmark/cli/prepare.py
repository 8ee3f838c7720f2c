"""genbench prepare: frames of a NOCS tree, or own frames, into shards."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.console import print_json, say, show_progress
from benchmark.cli.spreading import connect_if_asked, spreading_options

if TYPE_CHECKING:
    from preprocess.prepare import PrepareSummary, ShardSummary


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for shards.")
@click.option(
    "--split",
    type=click.Choice(["train", "val", "test", "all"]),
    default="all",
    show_default=True,
    help="test is Real test, val CAMERA val, train both train parts; all takes what is there.",
)
@click.option(
    "--detections",
    type=click.Path(path_type=Path),
    help="Folder (or COCO file) of detections, or the word aligned for those of tracking; looked "
    "for in and beside DATA if not given.",
)
@click.option("--workers", type=click.IntRange(1), help="Processes  [default: one a core].")
@click.option(
    "--stride", type=click.IntRange(1), default=1, show_default=True, help="Every so many-th frame."
)
@click.option("--no-mug-recenter", is_flag=True, help="Leave the origin of mugs at the box centre.")
@click.option("--pixels", is_flag=True, help="Keep the source pixel of every point.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of point subsets."
)
@spreading_options
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def prepare(
    data: Path,
    out: Path,
    split: str,
    detections: Path | None,
    workers: int | None,
    stride: int,
    no_mug_recenter: bool,
    pixels: bool,
    seed: int,
    scheduler: str | None,
    cluster: str | None,
    as_json: bool,
) -> None:
    """Turn DATA, a NOCS-format folder or your own frames, into shards.

    Frames and objects that cannot be used are left out and counted by reason; shards hold the
    details. Shards that are there already, made of the same files in the same way, are kept.
    """
    from benchmark.environment import count_cores
    from benchmark.logs import logging_into
    from preprocess.clouds import CloudOptions
    from preprocess.prepare import PrepareOptions, write_shards
    from preprocess.sources import find_sources

    options = PrepareOptions(
        split=None if split == "all" else split,  # type: ignore[arg-type]
        detections=detections and detections.absolute(),
        stride=stride,
        recentre_mugs=not no_mug_recenter,
        clouds=CloudOptions(seed=seed, pixels=pixels),
    )
    sources = find_sources(data.absolute(), options)
    for source in sources:
        for note in source.notes:
            say(f"note: {note}")
    frames = sum(len(source.frames) for source in sources)
    with (
        logging_into(out),
        connect_if_asked(scheduler, cluster) as map_tasks,
        show_progress("preparing", frames) as advance,
    ):
        summary = write_shards(
            sources,
            out.absolute(),
            workers=workers or count_cores(),
            advance=advance,
            map_tasks=map_tasks,
        )
    if as_json:
        print_json(describe_summary(summary))
    else:
        for line in format_summary(summary):
            say(line)


def describe_summary(summary: "PrepareSummary") -> dict[str, Any]:
    """Return a summary as plain values."""
    return {
        "shards": [{**asdict(shard), "path": str(shard.path)} for shard in summary.shards],
        "removed": [str(path) for path in summary.removed],
        "quarantine": summary.count_reasons(),
    }


def format_summary(summary: "PrepareSummary") -> list[str]:
    """Return what a person wants to know: counts of what came in, and of what was left out."""
    lines = [_format_group(name, shards) for name, shards in _group(summary.shards).items()]
    if summary.removed:
        lines.append(f"removed {len(summary.removed)} surplus shards of an earlier preparation")
    for reason, count in sorted(summary.count_reasons().items()):
        lines.append(f"left out: {count} {reason}, as {summary.find_example(reason)}")
    return lines


def _group(shards: "list[ShardSummary]") -> "dict[str, list[ShardSummary]]":
    """Return shards by split and source ("test-real")."""
    groups: dict[str, list[ShardSummary]] = {}
    for shard in shards:
        groups.setdefault(shard.path.stem.rpartition("-")[0], []).append(shard)
    return groups


def _format_group(name: str, shards: "list[ShardSummary]") -> str:
    frames, objects, kept = (
        sum(getattr(shard, column) for shard in shards) for column in ("frames", "objects", "kept")
    )
    were_there = f", {kept} of them already there" if kept else ""
    return f"{name}: {objects} objects in {frames} frames, {len(shards)} shards{were_there}"
