"""`genbench view`: one frame of a run, as a picture or in a window."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.console import say

if TYPE_CHECKING:
    import numpy as np


@click.command("view")
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--frame", default="0", show_default=True, help="Id of the frame, or its number.")
@click.option("--data", type=click.Path(path_type=Path), help="NOCS tree with the colour images.")
@click.option(
    "--shards", type=click.Path(path_type=Path), help="The run's shards, to show its clouds."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="PNG or SVG file  [default: RUN/view-FRAME.png].",
)
@click.option("--interactive", is_flag=True, help="Open a window with the frame in 3D.")
def view(
    folder: Path,
    frame: str,
    data: Path | None,
    shards: Path | None,
    out: Path | None,
    interactive: bool,
) -> None:
    """Draw one frame of RUN: boxes and axes, errors and energies.

    Without --data there is no colour image, without --shards there are no clouds.
    """
    from benchmark.predictions import read_run_info
    from benchmark.running import PREDICTIONS_NAME
    from benchmark.texts import to_file_name
    from leaderboards.figures.drawing.frame_picture import draw_frame
    from leaderboards.figures.drawing.style import check_kind, save_figure, styled
    from leaderboards.figures.frame_view import compute_frame_view, find_frame
    from leaderboards.figures.interactive import check_display, show_frame
    from leaderboards.runs import Run

    if interactive:
        check_display()
    run = Run(folder=folder, info=read_run_info(folder / PREDICTIONS_NAME))
    shown = compute_frame_view(run, find_frame(run.predictions, frame))
    clouds = read_clouds(shards, shown.frame) if shards else []
    if interactive:
        show_frame(shown, clouds)
        return
    target = out or folder / f"view-{to_file_name(shown.frame)}.png"
    check_kind(target)
    with styled():
        save_figure(draw_frame(shown, read_image(data, shown.frame), clouds), target)
    say(f"written: {target}")


def read_image(data: Path | None, frame: str) -> "np.ndarray | None":
    """Return the frame's colour image, None where no tree was named."""
    if data is None:
        return None
    from preprocess.colours import read_colour

    return read_colour(data, frame)


def read_clouds(shards: Path, frame: str) -> list[tuple[str, "np.ndarray"]]:
    """Return category and points of a frame's clouds.

    Raises:
        ConfigError: the frame is in none of the shards.
    """
    import numpy as np

    from benchmark.categories import get_category
    from benchmark.errors import ConfigError
    from benchmark.shards import find_shards, read_shard

    for path in [shards] if shards.is_file() else find_shards(shards):
        shard = read_shard(path)
        rows = np.flatnonzero(shard.frames.id == frame)
        if len(rows):
            clouds = shard.objects.take(np.flatnonzero(shard.objects.frame == rows[0]))
            names = [get_category(int(id_)).name for id_ in clouds.category]
            return list(zip(names, clouds.points, strict=True))
    raise ConfigError(f"{shards}: frame '{frame}' is in none of its shards")
