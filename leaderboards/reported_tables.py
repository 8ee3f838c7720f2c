"""Reading the paper's tables: `leaderboards/reported/` holds every number as it was printed."""

import tomllib
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from benchmark.errors import UnknownNameError

TABLES = (1, 2, 3, 4, 5, 6, 7)
_BLANK = "-"


@dataclass(frozen=True, kw_only=True)
class Footnote:
    """A remark about a table, a row or a cell.

    Attributes:
        text: the remark.
        label, group: the row it is about; None where it is about the whole table.
        column: the cell's column; None where it is about the whole row or table.
    """

    text: str
    label: str | None = None
    group: str | None = None
    column: str | None = None


@dataclass(frozen=True, kw_only=True)
class ReportedRow:
    """One row of a table.

    Attributes:
        label: first cell as printed ("Ours(K=10)").
        values: cell by column; None where the paper prints a blank.
        group: heading that the row stands under, "" where there is none.
        method: short name in `baselines.methods`, None where the row is about a category.
        protocol: evaluation protocol behind the numbers; "own" where it is the method's own.
        attributes: what else the row says (input, prior, hypotheses, oracle, ranker).
    """

    label: str
    values: dict[str, float | int | None]
    group: str = ""
    method: str | None = None
    protocol: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ReportedTable:
    """One table of the paper.

    Attributes:
        number: 1 to 7.
        title, source, dataset, unit: what is in it, and where it was printed.
        columns: names of the columns, in order.
        rows: in the order of the paper.
        footnotes: remarks about it.
    """

    number: int
    title: str
    source: str
    dataset: str
    unit: str
    columns: tuple[str, ...]
    rows: tuple[ReportedRow, ...]
    footnotes: tuple[Footnote, ...]


def read_reported_table(number: int) -> ReportedTable:
    """Read one of the paper's tables.

    Raises:
        UnknownNameError: no such table.
    """
    if number not in TABLES:
        raise UnknownNameError.suggest("table", str(number), [str(known) for known in TABLES])
    content = _read_toml(f"table_{number}.toml")
    columns = tuple(content.pop("columns"))
    rows = tuple(_build_row(row, columns) for row in content.pop("rows"))
    return ReportedTable(columns=columns, rows=rows, footnotes=_read_footnotes(number), **content)


def _build_row(row: dict[str, Any], columns: tuple[str, ...]) -> ReportedRow:
    cells = [None if value == _BLANK else value for value in row.pop("values")]
    named = {key: row.pop(key) for key in ("label", "group", "method", "protocol") if key in row}
    return ReportedRow(values=dict(zip(columns, cells, strict=True)), attributes=row, **named)


def _read_footnotes(number: int) -> tuple[Footnote, ...]:
    notes = _read_toml("footnotes.toml")["notes"]
    return tuple(
        Footnote(**{key: value for key, value in note.items() if key != "tables"})
        for note in notes
        if number in note["tables"]
    )


def _read_toml(name: str) -> dict[str, Any]:
    text = resources.files("leaderboards.reported").joinpath(name).read_text(encoding="utf-8")
    return tomllib.loads(text)
