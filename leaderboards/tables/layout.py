"""A table as lines of text cells, for Markdown and for the terminal alike."""

from dataclasses import dataclass

from leaderboards.reported_tables import Footnote
from leaderboards.tables.model import Block, Cell, ResultTable, Row

_ORIGINS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What is printed of a table.

    Attributes:
        header, lines: text cells; the columns of block X are named "X column".
        groups: heading of each line, "" for none.
        leading: number of columns before the first number.
        legend: the lines below the table.
    """

    header: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    groups: tuple[str, ...]
    leading: int
    legend: tuple[str, ...]


def lay_out(table: ResultTable) -> Layout:
    """Return a table's text: numbers, the marks of their footnotes, and the legend."""
    attributes = tuple(dict.fromkeys(name for row in table.rows for name in row.attributes))
    origins = _letter_origins(table)
    header = ["row", *attributes]
    for block in table.blocks:
        header += [f"{block.letter} from", *(f"{block.letter} {name}" for name in block.columns)]
    return Layout(
        header=tuple(header),
        lines=tuple(_lay_out_row(row, table, attributes, origins) for row in table.rows),
        groups=tuple(row.group for row in table.rows),
        leading=1 + len(attributes),
        legend=tuple(_list_legend(table, origins)),
    )


def _lay_out_row(
    row: Row, table: ResultTable, attributes: tuple[str, ...], origins: dict[str, str]
) -> tuple[str, ...]:
    cells = [f"{row.label}{_mark(table, row, None)}"]
    cells += [row.attributes.get(name, "") for name in attributes]
    for block in table.blocks:
        found = {_describe(row.get(block, column)) for column in block.columns} - {""}
        cells.append(" ".join(sorted(origins[sentence] for sentence in found)))
        for column in block.columns:
            text = row.get(block, column).text
            cells.append(text + (_mark(table, row, column) if block.source == "reported" else ""))
    return tuple(cells)


def _describe(cell: Cell) -> str:
    origin = cell.provenance
    return origin.describe() if origin is not None and origin.protocol else ""


def _letter_origins(table: ResultTable) -> dict[str, str]:
    """Return the letter of every sentence on where a number comes from, in order of reading."""
    sentences = [_describe(cell) for _, _, _, cell in table.iterate_cells()]
    distinct = [sentence for sentence in dict.fromkeys(sentences) if sentence]
    return {sentence: _name_origin(place) for place, sentence in enumerate(distinct)}


def _name_origin(place: int) -> str:
    """Return a, b ... z, aa, ab ..."""
    high, low = divmod(place, len(_ORIGINS))
    return (_ORIGINS[high - 1] if high else "") + _ORIGINS[low]


def _mark(table: ResultTable, row: Row, column: str | None) -> str:
    """Return the numbers of the footnotes about a row (no column) or one of its cells."""
    places = [
        str(place)
        for place, note in enumerate(table.footnotes, start=1)
        if _is_about(note, row) and note.column == column
    ]
    return f" [{', '.join(places)}]" if places else ""


def _is_about(note: Footnote, row: Row) -> bool:
    return note.label == row.label and note.group in (None, row.group)


def _list_legend(table: ResultTable, origins: dict[str, str]) -> list[str]:
    lines = [f"{block.letter}: {block.title}" for block in table.blocks]
    lines += [f"{letter}: {sentence}" for sentence, letter in origins.items()]
    lines += [f"[{place}] {note.text}" for place, note in enumerate(table.footnotes, start=1)]
    lines += [f"note: {note}" for note in table.notes]
    lines += [f"missing: {line}" for line in table.missing]
    return lines


def get_columns(layout: Layout, block: Block) -> list[int]:
    """Return where a block's columns stand, the one of origins included."""
    prefix = f"{block.letter} "
    return [
        place
        for place, name in enumerate(layout.header)
        if place >= layout.leading and name.startswith(prefix)
    ]
