"""`genbench figures`: the paper's data figures, from runs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.console import get_runs_home, say, show

if TYPE_CHECKING:
    from leaderboards.figures.make import ReadImage


@click.command("figures")
@click.argument("numbers", default="all")
@click.option(
    "--runs",
    "folder",
    type=click.Path(path_type=Path),
    help="Folder with runs  [default: genbench-runs].",
)
@click.option("--out", type=click.Path(path_type=Path), default=Path("figures"), show_default=True)
@click.option("--data", type=click.Path(path_type=Path), help="NOCS tree with the colour images.")
@click.option("--run", help="Name of the run to show  [default: the fullest of genpose].")
@click.option("--other", help="Run to compare with  [default: another method on the same data].")
@click.option("--frame", "frames", multiple=True, help="Frame for 4 and 7; may be repeated.")
@click.option(
    "--detection", "detections", type=int, multiple=True, help="Row of a detection for 4."
)
def figures(
    numbers: str,
    folder: Path | None,
    out: Path,
    data: Path | None,
    run: str | None,
    other: str | None,
    frames: tuple[str, ...],
    detections: tuple[int, ...],
) -> None:
    """Draw figures NUMBERS (all, or some of 3,4,5,7,8) as PNG and SVG, with their data as JSON.

    \b
    3  energy against rotation and translation error
    4  the rotations sampled for a symmetric and an asymmetric object
    5  t-SNE of encoder features (after genbench features)
    7  truth and two methods on the colour image
    8  average precision over thresholds for two methods
    """
    from leaderboards.figures.make import FigureOptions, make_figures, parse_numbers
    from leaderboards.runs import find_runs

    chosen = parse_numbers(numbers)
    runs = find_runs(folder or get_runs_home())
    for line in runs.left_out:
        say(f"left out: {line}")
    options = FigureOptions(
        run=run,
        other=other,
        frames=frames,
        detections=detections,
        read_image=make_reader(data) if data else None,
    )
    written, missing = make_figures(chosen, runs, out, options)
    for path in written:
        show(path)
    for line in missing:
        say(line)


def make_reader(data: Path) -> "ReadImage":
    """Return what reads the colour image of a frame of a NOCS tree."""
    from functools import partial

    from preprocess.colours import read_colour

    return partial(read_colour, data)
