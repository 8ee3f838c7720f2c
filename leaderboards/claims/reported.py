"""Claims about the paper's own numbers, and those numbers as evidence."""

import math
from collections.abc import Sequence
from functools import cache

from benchmark.evaluation.instances import METRIC_NAMES
from leaderboards.claims.model import Evidence, Measure, measure
from leaderboards.reported_tables import ReportedTable, read_reported_table

STRICT = ("5deg_2cm", "5deg_5cm")
REAL_TIME_FPS = 17.0
"""What the paper calls real time: about 17 frames per second."""

_read_table = cache(read_reported_table)


def get_cell(
    number: int, label: str, column: str, *, group: str | None = None, nth: int = 0
) -> float:
    """Return a number that the paper prints.

    Args:
        number: of the table.
        label, column: of the cell.
        group: heading of the row, None for any.
        nth: of several rows of the same label.
    """
    rows = [
        row for row in _read_table(number).rows if row.label == label and group in (None, row.group)
    ]
    value = rows[nth].values[column]
    if value is None:
        raise KeyError(f"table {number}, {label}, {column} is blank")
    return float(value)


def quote(number: int, measures: Sequence[Measure], *notes: str) -> Evidence:
    """Return measures of the paper's numbers as evidence."""
    return Evidence(measures=tuple(measures), count=f"table {number} as printed", notes=notes)


def _ours(number: int, column: str) -> float:
    return get_cell(number, "Ours", column)


def _best_other(table: ReportedTable, column: str) -> tuple[float, str]:
    """Return the best number of other methods in a column, and whose it is."""
    others = [row for row in table.rows if row.method != "genpose"]
    return max((row.values[column] or 0.0, row.label) for row in others)


def check_thresholds() -> Evidence:
    """Measure the strict scores on REAL275."""
    bounds = zip(STRICT, (50.0, 60.0), strict=True)
    return quote(
        1, [measure(name, _ours(1, name), bound=bound, unit="% mAP") for name, bound in bounds]
    )


def check_first_above_thresholds() -> Evidence:
    """Measure the best strict scores of all other methods."""
    measures = []
    for name, bound in zip(STRICT, (50.0, 60.0), strict=True):
        value, label = _best_other(_read_table(1), name)
        title = f"best other in {name}, {label}"
        measures.append(measure(title, value, bound=bound, side="below", unit="% mAP"))
    return quote(1, measures)


def check_margin_over_gpv() -> Evidence:
    """Measure the margin over GPV-Pose."""
    margins = {name: _ours(1, name) - get_cell(1, "GPV-Pose", name) for name in STRICT}
    return quote(
        1, [measure(f"ours minus GPV-Pose, {n}", v, bound=20.0) for n, v in margins.items()]
    )


def check_gpv_is_best() -> Evidence:
    """Compare GPV-Pose with the best other method that takes depth alone."""
    table = _read_table(1)
    rivals = [
        row
        for row in table.rows
        if row.method not in ("genpose", "gpv-pose") and row.attributes["input"] == "D"
    ]
    measures = []
    for name in STRICT:
        value, label = max((row.values[name] or 0.0, row.label) for row in rivals)
        margin = get_cell(1, "GPV-Pose", name) - value
        measures.append(measure(f"GPV-Pose minus {label}, {name}", margin))
    return quote(1, measures, "DPDN, which takes colour as well, is better still")


def check_margin_over_dpdn() -> Evidence:
    """Measure the margin over DPDN."""
    margin = _ours(1, "5deg_5cm") - get_cell(1, "DPDN", "5deg_5cm")
    return quote(1, [measure("ours minus DPDN, 5deg_5cm", margin, bound=10.0)])


def check_best(number: int) -> Evidence:
    """Compare with the best other method in every column of a comparison table."""
    measures = []
    for name in METRIC_NAMES:
        value, label = _best_other(_read_table(number), name)
        measures.append(measure(f"ours minus {label}, {name}", _ours(number, name) - value))
    return quote(number, measures)


def check_camera_margin() -> Evidence:
    """Measure the margin over RBP-Pose on CAMERA, printed as 6.4."""
    margin = _ours(7, "5deg_2cm") - get_cell(7, "RBP-Pose", "5deg_2cm")
    name = "ours minus RBP-Pose, 5deg_2cm"
    return quote(
        7,
        [
            measure(name, margin, bound=6.35),
            measure(name, margin, bound=6.45, side="below"),
        ],
    )


def get_fewest_parameters() -> tuple[float, str]:
    """Return the smallest number of parameters, in millions, of another method, and whose it is."""
    rows = [row for row in _read_table(1).rows if row.method != "genpose"]
    return min((row.values["parameters"] or math.inf, row.label) for row in rows)


def check_fewest_parameters() -> Evidence:
    """Compare the number of parameters with the smallest other."""
    least, label = get_fewest_parameters()
    rows = [row for row in _read_table(1).rows if row.method != "genpose"]
    blank = sum(row.values["parameters"] is None for row in rows)
    difference = least - _ours(1, "parameters")
    note = f"{blank} of {len(rows)} other methods print no number"
    return quote(1, [measure(f"{label} minus ours", difference, unit="million")], note)


def check_tracking_speed() -> Evidence:
    """Compare the speed with what the paper calls real time."""
    speed = get_cell(6, "Ours", "fps")
    name = "frames per second, one RTX 3090"
    return quote(6, [measure(name, speed, bound=REAL_TIME_FPS, unit="frames/s")])


def check_tracking_against_catre() -> Evidence:
    """Compare tracking accuracy with CATRE's."""
    signs = {"5deg_5cm": 1.0, "mean_rotation_error_deg": -1.0}
    units = {"5deg_5cm": "points", "mean_rotation_error_deg": "degrees"}
    return quote(6, [_against_catre(name, sign, units[name]) for name, sign in signs.items()])


def check_tracking_most() -> Evidence:
    """Count the metrics in which tracking is better than CATRE's."""
    signs = {
        "fps": 1.0,
        "5deg_5cm": 1.0,
        "mean_rotation_error_deg": -1.0,
        "mean_translation_error_cm": -1.0,
    }
    won = [name for name, sign in signs.items() if _against_catre(name, sign, "").value > 0]
    accuracy = [name for name in won if name != "fps"]
    return quote(
        6,
        [measure("metrics of accuracy won, of 3", len(accuracy), bound=1.5, unit="metrics")],
        f"won: {', '.join(won)}; with speed it is {len(won)} of 4, no majority",
    )


def _against_catre(name: str, sign: float, unit: str) -> Measure:
    gain = sign * (get_cell(6, "Ours", name) - get_cell(6, "CATRE", name))
    return measure(f"better than CATRE in {name}", gain, unit=unit)
