"""The loss curve of a training run as an SVG picture, drawn without a plotting library."""

import math
from pathlib import Path

from benchmark.replacing import replacing
from benchmark.training.log import read_rows

_WIDTH, _HEIGHT, _MARGIN = 640, 320, 48


def write_loss_curve(log: Path, picture: Path) -> None:
    """Draw the loss over the steps of a training log, on a logarithmic scale.

    Args:
        log: `log.csv` of a training folder.
        picture: SVG file to write.
    """
    rows = [(row.step, row.loss) for row in read_rows(log)]
    if not rows:
        return
    with replacing(picture) as temporary:
        temporary.write_text(_draw(rows), encoding="utf-8")


def _draw(rows: list[tuple[int, float]]) -> str:
    steps, heights = [step for step, _ in rows], [math.log10(loss) for _, loss in rows]
    low, high = min(heights), max(max(heights), min(heights) + 1e-6)
    inner_width, inner_height = _WIDTH - 2 * _MARGIN, _HEIGHT - 2 * _MARGIN
    points = " ".join(
        f"{_MARGIN + inner_width * step / steps[-1]:.1f},"
        f"{_MARGIN + inner_height * (high - height) / (high - low):.1f}"
        for step, height in zip(steps, heights, strict=True)
    )
    labels = [
        (_MARGIN - 6, _MARGIN + 4, "end", f"{10**high:.3g}"),
        (_MARGIN - 6, _HEIGHT - _MARGIN + 4, "end", f"{10**low:.3g}"),
        (_WIDTH - _MARGIN, _HEIGHT - _MARGIN + 20, "end", f"{steps[-1]} steps"),
        (_MARGIN, _MARGIN - 16, "start", "loss (logarithmic)"),
    ]
    texts = "".join(
        f'<text x="{x}" y="{y}" text-anchor="{anchor}">{text}</text>'
        for x, y, anchor, text in labels
    )
    frame = (
        f'<rect x="{_MARGIN}" y="{_MARGIN}" width="{inner_width}" height="{inner_height}" '
        'fill="none" stroke="#999"/>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f'{frame}<polyline points="{points}" fill="none" stroke="#1f6feb"/>{texts}</svg>\n'
    )
