"""All figures at once: computed, drawn, and written with their data."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from benchmark.errors import ConfigError, GenBenchError
from benchmark.replacing import replacing
from leaderboards.figures.choice import choose_main, choose_other
from leaderboards.figures.drawing.energy_error import draw_energy_error
from leaderboards.figures.drawing.feature_map import draw_feature_maps
from leaderboards.figures.drawing.precision_curves import draw_precision_curves
from leaderboards.figures.drawing.qualitative import draw_qualitative
from leaderboards.figures.drawing.rotation_distribution import draw_rotation_distribution
from leaderboards.figures.drawing.style import save_figure, styled
from leaderboards.figures.energy_error import compute_energy_error
from leaderboards.figures.feature_map import compute_feature_maps
from leaderboards.figures.figure_data import FigureData
from leaderboards.figures.frame_view import find_frame
from leaderboards.figures.precision_curves import compute_precision_curves
from leaderboards.figures.qualitative import compute_qualitative
from leaderboards.figures.rotation_distribution import compute_rotation_distribution
from leaderboards.runs import Run, Runs

FIGURES = (3, 4, 5, 7, 8)
KINDS = ("png", "svg")

ReadImage = Callable[[str], np.ndarray]
"""Returns the colour image (h, w, 3) uint8 of a frame id."""


@dataclass(frozen=True, kw_only=True)
class FigureOptions:
    """What the figures show; None chooses by `leaderboards.figures.choice`.

    Attributes:
        run: name of the run shown.
        other: name of the run that it is compared with in 7 and 8.
        frames: ids of frames for 4 and 7.
        detections: rows of detections for 4.
        read_image: where colour images come from; None draws on a plain background.
    """

    run: str | None = None
    other: str | None = None
    frames: tuple[str, ...] = ()
    detections: tuple[int, ...] = ()
    read_image: ReadImage | None = None


def parse_numbers(text: str) -> tuple[int, ...]:
    """Return the figures that "3,4" or "all" names.

    Raises:
        ConfigError: another number, or no number.
    """
    if text == "all":
        return FIGURES
    words = [word.strip() for word in text.split(",")]
    known = [str(number) for number in FIGURES]
    if wrong := [word for word in words if word not in known]:
        raise ConfigError(
            f"figure '{wrong[0]}': expected all or some of {','.join(known)} "
            "(1, 2, 6 and 9 are drawings and photographs)"
        )
    return tuple(dict.fromkeys(int(word) for word in words))


def make_figures(
    numbers: Sequence[int], runs: Runs, out: Path, options: FigureOptions
) -> tuple[list[Path], list[str]]:
    """Write figure-N.png, figure-N.svg and figure-N.json for every number.

    Returns:
        The files, and why figures are missing, one line each.

    Raises:
        GenBenchError: none of the figures can be made; the first reason.
    """
    written, failures = [], []
    for number in numbers:
        try:
            data, figure = make_figure_of(number, runs, options)
        except GenBenchError as error:
            failures.append((number, error))
            continue
        written += write_figure(out, f"figure-{number}", data, figure)
    if failures and not written:
        raise failures[0][1]
    return written, [f"figure {number} left out: {error}" for number, error in failures]


def make_figure_of(number: int, runs: Runs, options: FigureOptions) -> tuple[FigureData, Figure]:
    """Compute and draw one figure.

    Raises:
        ConfigError: the runs do not hold what it shows.
    """
    with styled():
        match number:
            case 5:
                maps = compute_feature_maps(runs.found)
                return maps, draw_feature_maps(maps)
            case 3:
                energies = compute_energy_error(choose_main(runs, options.run))
                return energies, draw_energy_error(energies)
            case 4:
                run = choose_main(runs, options.run)
                rows = list_detections(run, options)
                rotations = compute_rotation_distribution(run, detections=rows)
                return rotations, draw_rotation_distribution(rotations)
            case 7:
                scenes = compute_qualitative(choose_pair(runs, options), frames=options.frames)
                frames = {row.frame for row in scenes.rows}
                read = options.read_image
                images = {frame: read(frame) for frame in sorted(frames)} if read else {}
                return scenes, draw_qualitative(scenes, images)
            case 8:
                curves = compute_precision_curves(choose_pair(runs, options))
                return curves, draw_precision_curves(curves)
    raise ConfigError(f"figure {number}: expected one of {', '.join(map(str, FIGURES))}")


def choose_pair(runs: Runs, options: FigureOptions) -> list[Run]:
    """Return the other method's run, if there is one, and then the run shown."""
    main = choose_main(runs, options.run)
    other = choose_other(runs, main, options.other)
    return [main] if other is None else [other, main]


def list_detections(run: Run, options: FigureOptions) -> tuple[int, ...]:
    """Return the detections asked for, else the matched ones of the frames asked for."""
    if options.detections or not options.frames:
        return options.detections
    (instances,) = run.evaluate().instances.values()
    rows = {find_frame(run.predictions, frame) for frame in options.frames}
    within = np.isin(run.predictions.ground_truth.frame, list(rows)) & (instances.detection >= 0)
    if not within.any():
        raise ConfigError(f"{run.folder}: no object is matched in {', '.join(options.frames)}")
    return tuple(sorted(instances.detection[within].tolist()))


def write_figure(out: Path, name: str, data: FigureData, figure: Figure) -> list[Path]:
    """Write a figure as PNG, SVG and JSON; return the files."""
    paths = [out / f"{name}.{kind}" for kind in KINDS]
    with styled():
        for path in paths:
            save_figure(figure, path)
    with replacing(out / f"{name}.json") as temporary:
        temporary.write_text(json.dumps(data.to_plain(), indent=1) + "\n")
    return [*paths, out / f"{name}.json"]
