"""The paper's tables as the page shows them: printed cells, and where each number comes from."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from leaderboards.runs import Run
from leaderboards.tables.build import PLANS, build_tables
from leaderboards.tables.layout import lay_out
from leaderboards.tables.model import Provenance, ResultTable, Row


def describe_tables(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return tables 1 to 7 as plain values.

    Args:
        runs: what the tables are made of, in the order of the page.
    """
    count = Counter(run.name for run in runs)
    places = {run.name: place for place, run in enumerate(runs) if count[run.name] == 1}
    return [describe_table(table, places) for table in build_tables(PLANS, runs)]


def describe_table(table: ResultTable, places: Mapping[str, int]) -> dict[str, Any]:
    """Return one table as plain values.

    Args:
        table: the table.
        places: position on the page of each run, by the name that provenance calls it by.

    Returns:
        `origins` lists where numbers come from; a line's "from" gives for each cell the position
        in that list, or null.
    """
    layout = lay_out(table)
    origins: dict[str, dict[str, Any]] = {}
    lines = []
    for row, group, cells in zip(table.rows, layout.groups, layout.lines, strict=True):
        found = _find_origins(table, row, origins, places)
        sources = [None] * layout.leading + found
        lines.append({"group": group, "cells": list(cells), "from": sources})
    blocks = [
        {"letter": block.letter, "title": block.title, "columns": ["from", *block.columns]}
        for block in table.blocks
    ]
    return {
        "number": table.number,
        "title": table.title,
        "unit": table.unit,
        "leading": list(layout.header[: layout.leading]),
        "blocks": blocks,
        "lines": lines,
        "origins": list(origins.values()),
        "legend": list(layout.legend),
    }


def _find_origins(
    table: ResultTable, row: Row, origins: dict[str, dict[str, Any]], places: Mapping[str, int]
) -> list[int | None]:
    """Return the position in `origins` of each cell's, adding what is new."""
    found: list[int | None] = []
    for block in table.blocks:
        found.append(None)  # the column that names the origin
        for column in block.columns:
            cell = row.get(block, column)
            if cell.provenance is None or cell.value is None:
                found.append(None)
                continue
            key = repr(cell.provenance)
            origins.setdefault(key, _describe_origin(cell.provenance, places))
            found.append(list(origins).index(key))
    return found


def _describe_origin(origin: Provenance, places: Mapping[str, int]) -> dict[str, Any]:
    lines = {"source": origin.source, "protocol": origin.protocol, "data": origin.data}
    lines |= {"estimator": origin.estimator, "weights": origin.weights}
    options = {name: str(value) for name, value in origin.options.items() if value is not None}
    return {
        "run": places.get(origin.run),
        "facts": [[name, value] for name, value in (lines | options).items() if value],
    }
