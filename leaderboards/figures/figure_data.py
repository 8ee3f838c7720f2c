"""What the data of every figure has in common: arrays in a dataclass, and the way into JSON."""

import math
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

_DIGITS = 6


@dataclass(frozen=True, kw_only=True)
class FigureData:
    """Base of figure data: a frozen dataclass of arrays, texts and numbers.

    Attributes:
        number: the figure's number in the paper, 0 where it has none.
        caption: what a reader has to know, in sentences.
    """

    number: ClassVar[int] = 0
    caption: str

    def to_plain(self) -> dict[str, Any]:
        """Return the data as lists, texts and numbers for JSON; what is not finite becomes None."""
        values = {item.name: to_plain(getattr(self, item.name)) for item in fields(self)}
        return {"number": self.number} | values


def to_plain(value: Any) -> Any:
    """Return arrays, dataclasses and their nestings as what JSON can hold.

    Numbers keep six significant digits.
    """
    match value:
        case FigureData():
            return value.to_plain()
        case np.ndarray():
            return to_plain(value.tolist())
        case tuple() | list():
            return [to_plain(item) for item in value]
        case dict():
            return {str(key): to_plain(item) for key, item in value.items()}
        case float() | np.floating():
            return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
        case np.generic():
            return value.item()
        case _:
            return value
