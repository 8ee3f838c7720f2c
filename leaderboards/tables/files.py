"""Tables as CSV (long form, every field of the provenance), Markdown, and for the terminal."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from benchmark.columns import replacing
from leaderboards.tables.layout import get_columns, lay_out
from leaderboards.tables.model import Block, Cell, ResultTable, Row

if TYPE_CHECKING:
    from rich.table import Table

FIELDS = (
    "table",
    "group",
    "row",
    "source",
    "data",
    "column",
    "value",
    "protocol",
    "estimator",
    "weights",
    "run",
    "options",
    "configuration",
    "fingerprints",
    "environment",
    "missing",
)


def write_tables(out: Path, tables: Sequence[ResultTable]) -> list[Path]:
    """Write table_N.csv and table_N.md of every table into `out`; return their paths."""
    paths = []
    for table in tables:
        for suffix, text in ((".csv", format_csv(table)), (".md", format_markdown(table))):
            path = out / f"table_{table.number}{suffix}"
            with replacing(path) as temporary:
                temporary.write_text(text, encoding="utf-8", newline="")
            paths.append(path)
    return paths


def format_csv(table: ResultTable) -> str:
    """Return one line per cell that has a number or should have one; structures are JSON."""
    handle = io.StringIO()
    writer = csv.DictWriter(handle, FIELDS, lineterminator="\n")
    writer.writeheader()
    for row, block, column, cell in table.iterate_cells():
        if cell.value is not None or cell.missing or cell.provenance is not None:
            writer.writerow(_describe_cell(table, row, block, column, cell))
    return handle.getvalue()


def _describe_cell(
    table: ResultTable, row: Row, block: Block, column: str, cell: Cell
) -> dict[str, str]:
    fields = {
        "table": str(table.number),
        "group": row.group,
        "row": row.label,
        "source": block.source,
        "data": block.data,
        "column": column,
        "value": "" if cell.value is None else str(cell.value),
        "missing": cell.missing,
    }
    if cell.provenance is not None:
        origin = cell.provenance
        for name in ("protocol", "estimator", "weights", "run"):
            fields[name] = getattr(origin, name)
        for name in ("options", "configuration", "fingerprints", "environment"):
            fields[name] = json.dumps(getattr(origin, name), sort_keys=True, default=str)
    return fields


def format_markdown(table: ResultTable) -> str:
    """Return the table with its legend as Markdown."""
    layout = lay_out(table)
    lines = [
        f"# Table {table.number}. {table.title}",
        "",
        f"{table.unit[:1].upper()}{table.unit[1:]}.",
        "",
        _join(layout.header),
        "|" + "---|" * layout.leading + "---:|" * (len(layout.header) - layout.leading),
    ]
    group = ""
    for heading, cells in zip(layout.groups, layout.lines, strict=True):
        if heading != group:
            group = heading
            lines.append(_join((f"**{group}**", *[""] * (len(cells) - 1))))
        lines.append(_join(cells))
    lines += ["", *(f"- {line}" for line in layout.legend), ""]
    return "\n".join(lines)


def _join(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', ' ') for cell in cells)} |"


def render_tables(table: ResultTable) -> list["Table"]:
    """Return the table for the terminal: the paper's columns beside each block of runs in turn."""
    first, *others = table.blocks
    pairs = [[first, other] for other in others] or [[first]]
    return [_render(table, blocks) for blocks in pairs]


def _render(table: ResultTable, blocks: Sequence[Block]) -> "Table":
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    layout = lay_out(table)
    places = [*range(layout.leading), *(n for block in blocks for n in get_columns(layout, block))]
    shown = Table(
        title=escape(f"Table {table.number}. {table.title} ({table.unit})"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for place in places:
        justify: Literal["left", "right"] = "left" if place < layout.leading else "right"
        shown.add_column(escape(layout.header[place]), justify=justify, overflow="fold")
    group = ""
    letters = {block.letter for block in blocks}
    for row, cells in zip(table.rows, layout.lines, strict=True):
        if len(blocks) > 1 and not letters & {letter for letter, _ in row.cells}:
            continue  # a row of another block's run
        if row.group != group:
            group = row.group
            shown.add_row(escape(group), style="italic")
        shown.add_row(*(escape(cells[place]) for place in places))
    return shown
