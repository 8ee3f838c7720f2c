"""How all figures look, and how they become files that are the same whenever they are made."""

import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from benchmark.errors import ConfigError
from benchmark.replacing import replacing
from benchmark.texts import shorten, to_line

CATEGORY_COLOURS: dict[str, str] = {
    "bottle": "#0072B2",
    "bowl": "#E69F00",
    "camera": "#CC79A7",
    "can": "#009E73",
    "laptop": "#D55E00",
    "mug": "#56B4E9",
}
"""One colour a category in every figure; Okabe and Ito's set, which colour-blind readers can tell
apart."""

AXIS_COLOURS: tuple[str, str, str] = ("#D55E00", "#009E73", "#0072B2")
"""Of an object's x, y and z axis."""

TRUTH_COLOUR = "#FFFFFF"
INK, FAINT = "#222222", "#8A8A8A"

_SETTINGS: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "svg.hashsalt": "genbench",
    "figure.facecolor": "white",
}
_CAPTION_SIZE = 7.5
_CHARACTERS_PER_INCH = 16.5  # of a caption's letters, with some room
_LINE_INCHES = 0.155
_DPI = 160
_LONGEST_CAPTION, _LONGEST_TITLE = 3000, 80
_METADATA: Any = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}


@contextmanager
def styled() -> Iterator[None]:
    """Draw and save with our settings while the block runs, whatever the user's are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def make_figure(width: float, height: float, caption: str, pad: float = 0.04) -> Figure:
    """Return an empty figure with a caption below it, which makes it higher.

    Args:
        width, height: of what is above the caption, inches.
        caption: sentences, wrapped here.
        pad: inches around every panel.
    """
    caption = shorten(to_line(caption), _LONGEST_CAPTION)
    lines = textwrap.wrap(caption, int(width * _CHARACTERS_PER_INCH))
    room = _LINE_INCHES * len(lines) + 0.12 if lines else 0.0
    bottom = room / (height + room)
    engine = ConstrainedLayoutEngine(rect=(0, bottom, 1, 1 - bottom), w_pad=pad, h_pad=pad)
    figure = Figure(figsize=(width, height + room), layout=engine)
    figure.text(
        0.12 / width,
        0.06 / (height + room),
        "\n".join(lines),
        fontsize=_CAPTION_SIZE,
        color="#555555",
        va="bottom",
        linespacing=1.35,
        parse_math=False,
    ).set_in_layout(False)
    return figure


def set_title(axes: Axes, name: str, **style: Any) -> None:
    """Set a title that is a name from a file: dollar signs in it begin no formula."""
    axes.set_title(shorten(to_line(name), _LONGEST_TITLE), parse_math=False, **style)


def format_number(value: float, decimals: int | None = None) -> str:
    """Return a number as it stands in print, with a minus sign instead of a hyphen."""
    text = f"{value:g}" if decimals is None else f"{value:.{decimals}f}"
    return text.replace("-", "\N{MINUS SIGN}")


def check_kind(path: Path) -> str:
    """Return what kind of picture a file's ending names, "png" or "svg".

    Raises:
        ConfigError: another ending.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in _METADATA:
        raise ConfigError(f"{path}: expected a name that ends in .png or .svg")
    return kind


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG or SVG, by the ending of `path`; equal figures give equal bytes."""
    kind = check_kind(path)
    with replacing(path) as temporary, warnings.catch_warnings():
        # a name may be in letters that our font lacks: they are drawn as boxes
        warnings.filterwarnings("ignore", r"Glyph \d+ .*missing from", UserWarning)
        figure.savefig(temporary, format=kind, dpi=_DPI, metadata=_METADATA[kind])
