"""`genbench synth`: render synth6."""

import os
from pathlib import Path

import click

from benchmark.cli.console import say, show_progress


@click.command()
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--size",
    type=click.Choice(["tiny", "small", "full"]),
    default="small",
    show_default=True,
    help="Test frames: 60, 300 or 3,000; full adds 60,000 training objects as shards.",
)
@click.option(
    "--meshes",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of real meshes, <category>/<name>.obj, to show in val and test.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=os.cpu_count() or 1,
    show_default="all cores",
    help="Processes; the result does not depend on it.",
)
def synth(out: Path, size: str, meshes: Path | None, seed: int, workers: int) -> None:
    """Render synth6 into OUT: frames, annotations and detections as in a NOCS data folder.

    A finished OUT is kept as it is; an interrupted one is continued.
    """
    from preprocess.synthetic.plans import get_plan
    from preprocess.synthetic.tree import TreeOptions, synthesize

    options = TreeOptions(plan=get_plan(size), seed=seed, meshes=meshes)
    made = synthesize(out, options, workers=workers, show=show_progress)
    say(f"{out}: complete" if made else f"{out}: was complete already")
