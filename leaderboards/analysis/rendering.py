"""Analyses as Markdown, CSV and JSON: the same rows each time."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.replacing import replacing
from benchmark.texts import to_cells, to_markdown

if TYPE_CHECKING:
    import pandas

_DIGITS = 4


def render_markdown(frame: "pandas.DataFrame", digits: int = 1) -> str:
    """Return a Markdown table; numbers are rounded, NaN is blank.

    Args:
        frame: its columns in order; the index is left out.
        digits: decimals of columns of floats.
    """
    names = [to_markdown(str(name)) for name in frame.columns]
    right = ["---:" if frame[name].dtype.kind in "iuf" else "---" for name in frame.columns]
    rows = [[_format(cell, digits) for cell in row] for row in frame.itertuples(index=False)]
    return "\n".join("| " + " | ".join(line) + " |" for line in (names, right, *rows))


def _format(cell: Any, digits: int) -> str:
    if not isinstance(cell, float):
        return to_markdown(str(cell))
    return f"{cell:.{digits}f}" if math.isfinite(cell) else ""


def format_interval(low: float, high: float, digits: int = 1, signed: bool = True) -> str:
    """Return "low to high", blank where there is no interval."""
    sign = "+" if signed else ""
    return f"{low:{sign}.{digits}f} to {high:{sign}.{digits}f}" if math.isfinite(low) else ""


def to_plain(value: Any) -> Any:
    """Return a value as JSON holds it: floats rounded to four decimals, NaN as None."""
    match value:
        case dict():
            return {str(key): to_plain(item) for key, item in value.items()}
        case list() | tuple():
            return [to_plain(item) for item in value]
        case np.ndarray():
            return to_plain(value.tolist())
        case float() | np.floating():
            return round(float(value), _DIGITS) + 0.0 if math.isfinite(value) else None
        case np.generic():
            return value.item()
        case _:
            return value


def list_records(frame: "pandas.DataFrame") -> list[dict[str, Any]]:
    """Return the rows of a table as JSON holds them."""
    return [to_plain(row) for row in frame.to_dict("records")]


@dataclass(frozen=True, kw_only=True)
class Report:
    """An analysis, ready to be printed or written.

    Attributes:
        name: of its files.
        markdown, document: its text, and its content as plain values.
        tables: CSV files by the name of the file, without its end.
    """

    name: str
    markdown: str
    document: dict[str, Any]
    tables: "dict[str, pandas.DataFrame]" = field(default_factory=dict)

    def write(self, out: Path) -> list[str]:
        """Write Markdown, JSON and CSV files into a folder; return their names."""
        texts = {
            f"{self.name}.md": self.markdown.rstrip("\n") + "\n",
            f"{self.name}.json": json.dumps(self.document, indent=1, sort_keys=True) + "\n",
        }
        texts |= {
            f"{k}.csv": to_cells(table).to_csv(index=False) for k, table in self.tables.items()
        }
        for file, text in texts.items():
            with replacing(out / file) as temporary:
                temporary.write_text(text, encoding="utf-8")
        return list(texts)
