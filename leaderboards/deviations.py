"""Numbers that should be equal: what differs, and by how much."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmark.errors import ComparisonError

_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """One number that is not what it should be.

    Attributes:
        place: which number.
        expected, found: None where there is no number.
        tolerance: how far they may be apart.
    """

    place: str
    expected: float | None
    found: float | None
    tolerance: float

    def describe(self) -> str:
        """Return the line to print."""
        expected, found = (_format(value) for value in (self.expected, self.found))
        return f"{self.place}: expected {expected}, got {found} (tolerance {self.tolerance:g})"


def _format(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.6g}"


def find_deviations(
    expected: Mapping[str, float | None],
    found: Mapping[str, float | None],
    tolerance: Callable[[str], float],
) -> list[Deviation]:
    """Return every number that is missing, new, or further off than its tolerance.

    Args:
        expected, found: numbers by place; None or NaN says that there is none.
        tolerance: of a place; infinite for what is not compared.
    """
    deviations = []
    for place in dict.fromkeys([*expected, *found]):
        old, new = _read(expected.get(place)), _read(found.get(place))
        allowed = tolerance(place)
        absent = old is None or new is None
        apart = old is not new if absent else abs((old or 0.0) - (new or 0.0)) > allowed
        if (apart or (place in expected) != (place in found)) and not math.isinf(allowed):
            deviations.append(Deviation(place=place, expected=old, found=new, tolerance=allowed))
    return deviations


def _read(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def refuse(what: str, reasons: Sequence[str]) -> None:
    """Stop unless there are no reasons to.

    Args:
        what: what does not agree ("records/mine.json does not reproduce").
        reasons: one line each.

    Raises:
        ComparisonError: there are some.
    """
    if not reasons:
        return
    more = f"; and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else ""
    raise ComparisonError(f"{what}: {'; '.join(reasons[:_SHOWN])}{more}")
