"""The committed tables and claims against what was regenerated: how far apart they may be.

Poses are sampled in single precision, so another machine may move an object across a threshold.
On synth6 tiny one of about 55 objects of a category is 1.8 points for the category and 0.3 for the
mean. Speeds, times and the machine are not compared, and neither are file names and fingerprints.
"""

import csv
import io
import math
from collections import Counter
from pathlib import Path

from benchmark.errors import DataFormatError
from leaderboards.deviations import Deviation, find_deviations
from leaderboards.tables.files import RUNS_NAME

MEAN_POINTS = 0.6
"""Tolerance of a mean over all categories, in points."""

CATEGORY_POINTS = 4.0
"""Tolerance of one category's accuracy, and of differences between such, in points."""

OTHER = 0.05
"""Tolerance of errors, correlations and whatever else, in their unit or relative, if larger."""

_NOT_COMPARED = math.inf
_PER_CATEGORY_TABLES = ("table_4.csv", "table_5.csv")
_TABLE_PLACE = ("group", "row", "source", "data", "column")
_CLAIM_PLACE = ("claim", "data", "measure", "claimed", "unit")
_CLAIM_VALUES = ("value", "low", "high")

Numbers = dict[str, float | None]


def read_numbers(folder: Path) -> Numbers:
    """Return every number of the published CSV files by its place.

    Raises:
        DataFormatError: there are none, or one cannot be read.
    """
    paths = [path for path in sorted(folder.glob("*.csv")) if path.name != RUNS_NAME]
    if not paths:
        raise DataFormatError(f"{folder}: no tables: write them with genbench publish --update")
    numbers: Numbers = {}
    for path in paths:
        numbers |= _read_file(path)
    return numbers


def _read_file(path: Path) -> Numbers:
    lines = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    place, values = (
        (_CLAIM_PLACE, _CLAIM_VALUES) if path.stem == "claims" else (_TABLE_PLACE, ("value",))
    )
    numbers: Numbers = {}
    seen: Counter[str] = Counter()
    for line in lines:
        try:
            name = f"{path.name} " + " | ".join(line[part] for part in place)
            seen[name] += 1
            name += f" | no. {seen[name]}" if seen[name] > 1 else ""
            found = {f"{name} | {value}": line[value] for value in values}
            numbers |= {key: float(text) if text else None for key, text in found.items()}
        except (KeyError, TypeError, ValueError) as error:
            raise DataFormatError(
                f"{path}: cannot be read ({error}): write it with genbench publish --update"
            ) from error
    return numbers


def compare_published(committed: Path, regenerated: Path) -> list[Deviation]:
    """Return what differs beyond its tolerance, or is in one of two folders alone."""
    expected, found = read_numbers(committed), read_numbers(regenerated)
    scale = {place: abs(value or 0.0) for place, value in expected.items()}
    return find_deviations(
        expected, found, lambda place: get_tolerance(place, scale.get(place, 0.0))
    )


def get_tolerance(place: str, value: float = 0.0) -> float:
    """Return how far a number may be off.

    Args:
        place: as `read_numbers` names it.
        value: the committed number.
    """
    file, *parts = place.split(" ", 1)
    fields = parts[0].split(" | ")
    if file == "claims.csv":
        unit = fields[4]
        if unit == "frames/s":
            return _NOT_COMPARED
        return CATEGORY_POINTS if unit in ("points", "% mAP") else max(OTHER, OTHER * value)
    column = fields[4]
    if column == "fps":
        return _NOT_COMPARED
    if fields[2] == "reported" or column == "parameters":
        return 0.0
    if file in _PER_CATEGORY_TABLES:
        return CATEGORY_POINTS
    return max(OTHER, OTHER * value) if column.startswith("mean_") else MEAN_POINTS
