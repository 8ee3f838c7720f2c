"""Tables as CSV (a line a cell, and a line a run), as Markdown, and for the terminal."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from benchmark.replacing import replacing
from benchmark.texts import to_cell, to_line, to_markdown
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
    "options",
    "estimator",
    "weights",
    "run",
    "detections",
    "labels",
    "missing",
)
RUN_FIELDS = ("source", "run", "estimator", "data", "configuration", "fingerprints", "environment")
RUNS_NAME = "runs.csv"
_DIGITS = 12
_NUMBER = "value"


def write_tables(out: Path, tables: Sequence[ResultTable]) -> list[Path]:
    """Write table_N.csv and table_N.md of every table, and runs.csv; return their paths."""
    texts = {RUNS_NAME: format_runs(tables)}
    for table in tables:
        texts[f"table_{table.number}.csv"] = format_csv(table)
        texts[f"table_{table.number}.md"] = format_markdown(table)
    for name, text in texts.items():
        with replacing(out / name) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="")
    return [out / name for name in texts]


def format_csv(table: ResultTable) -> str:
    """Return one line per cell that has a number or should have one.

    What is the same for all cells of a run, full fingerprints included, is in `format_runs`.
    """
    lines = [
        _describe_cell(table, row, block, column, cell)
        for row, block, column, cell in table.iterate_cells()
        if cell.value is not None or cell.missing or cell.provenance is not None
    ]
    return _format(FIELDS, lines)


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
        for name in ("detections", "labels"):
            fields[name] = origin.fingerprints.get(name, "")[:_DIGITS]
        fields["options"] = _to_json(origin.options) if origin.options else ""
    return fields


def format_runs(tables: Sequence[ResultTable]) -> str:
    """Return one line per run that some cell came from, with its whole provenance."""
    origins = [
        cell.provenance
        for table in tables
        for _, _, _, cell in table.iterate_cells()
        if cell.provenance is not None and cell.provenance.fingerprints
    ]
    distinct = {(origin.source, origin.run, origin.data): origin for origin in origins}
    lines = [
        {name: getattr(origin, name) for name in RUN_FIELDS[:4]}
        | {name: _to_json(getattr(origin, name)) for name in RUN_FIELDS[4:]}
        for _, origin in sorted(distinct.items())
    ]
    return _format(RUN_FIELDS, lines)


def _to_json(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _format(names: Sequence[str], lines: Sequence[dict[str, str]]) -> str:
    handle = io.StringIO()
    writer = csv.DictWriter(handle, names, lineterminator="\n")
    writer.writeheader()
    for line in lines:
        writer.writerow({k: text if k == _NUMBER else to_cell(text) for k, text in line.items()})
    return handle.getvalue()


def format_markdown(table: ResultTable) -> str:
    """Return the table with its legend as Markdown."""
    layout = lay_out(table)
    lines = [
        f"# Table {table.number}. {table.title}",
        "",
        f"{table.unit[:1].upper()}{table.unit[1:]}.",
        "",
        _join([to_markdown(cell) for cell in layout.header]),
        "|" + "---|" * layout.leading + "---:|" * (len(layout.header) - layout.leading),
    ]
    group = ""
    for heading, cells in zip(layout.groups, layout.lines, strict=True):
        if heading != group:
            group = heading
            lines.append(_join((f"**{to_markdown(group)}**", *[""] * (len(cells) - 1))))
        lines.append(_join([to_markdown(cell) for cell in cells]))
    lines += ["", *(f"- {to_markdown(line)}" for line in layout.legend), ""]
    return "\n".join(lines)


def _join(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def render_tables(table: ResultTable) -> list["Table"]:
    """Return the table for the terminal: the paper's columns beside each block of runs in turn."""
    first, *others = table.blocks
    pairs = [[first, other] for other in others] or [[first]]
    return [_render(table, blocks) for blocks in pairs]


def _render(table: ResultTable, blocks: Sequence[Block]) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    def plain(text: str) -> Text:
        return Text(to_line(text))  # neither markup nor codes of emoji in it

    layout = lay_out(table)
    places = [*range(layout.leading), *(n for block in blocks for n in get_columns(layout, block))]
    shown = Table(
        title=plain(f"Table {table.number}. {table.title} ({table.unit})"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for place in places:
        justify: Literal["left", "right"] = "left" if place < layout.leading else "right"
        shown.add_column(plain(layout.header[place]), justify=justify, overflow="fold")
    group = ""
    letters = {block.letter for block in blocks}
    for row, cells in zip(table.rows, layout.lines, strict=True):
        if len(blocks) > 1 and not letters & {letter for letter, _ in row.cells}:
            continue  # a row of another block's run
        if row.group != group:
            group = row.group
            shown.add_row(plain(group), style="italic")
        shown.add_row(*(plain(cells[place]) for place in places))
    return shown
