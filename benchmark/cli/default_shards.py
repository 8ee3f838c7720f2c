"""The shards to run on: those named, or synth6 small, rendered and prepared where need be."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.console import get_data_home

if TYPE_CHECKING:
    from benchmark.shards import Split


def find_test_shards(
    context: click.Context, shards: Path | None, split: "Split", *, aligned: bool = False
) -> list[Path]:
    """Return the shard files to run on; those of synth6 small if none are given.

    Args:
        context: of the command.
        shards: a folder of shards, or one file.
        split: which of the shards in a folder.
        aligned: of synth6, take the detections that are the annotated objects, for tracking.
    """
    from benchmark.shards import find_shards

    folder = shards or make_default_shards(context, aligned=aligned)
    return [folder] if folder.is_file() else find_shards(folder, split=split)


def make_default_shards(context: click.Context, *, aligned: bool) -> Path:
    """Render synth6 small and prepare its test split, unless they are there; return the shards."""
    from benchmark.cli.prepare import prepare
    from benchmark.cli.synth import synth

    tree = get_data_home() / "synth6-small"
    shards = tree / ("shards-aligned" if aligned else "shards")
    detections = {"detections": Path("aligned")} if aligned else {}
    context.invoke(synth, out=tree, size="small")
    context.invoke(prepare, data=tree, out=shards, split="test", **detections)
    return shards
