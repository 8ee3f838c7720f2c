"""Leaderboard records beside the rows of Tables 1 and 7."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmark.evaluation.instances import METRIC_NAMES
from benchmark.evaluation.protocols import DEFAULT_PROTOCOL
from benchmark.evaluation.result import ProtocolResult
from leaderboards.runs import Run
from leaderboards.submission.record import Record
from leaderboards.tables.assembly import LETTERS
from leaderboards.tables.model import Block, Cell, Provenance, ResultTable, Row
from leaderboards.tables.questions import make_cell

GROUP = "Submitted"


def add_records(table: ResultTable, records: Sequence[Record]) -> ResultTable:
    """Return the table with a block for the records of each data set, and a row for each record.

    A record's numbers are what its submitter says; `genbench verify` scores its predictions again.
    """
    on_validation = table.number == 7
    fitting = [record for record in records if (record.result.run.split == "val") == on_validation]
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in fitting:
        run = _as_run(record)
        groups.setdefault((run.data, run.detections, run.labels), []).append(record)
    blocks, rows = list(table.blocks), list(table.rows)
    for members in groups.values():
        block = _head(LETTERS[len(blocks) - 1], members[0], table)
        blocks.append(block)
        rows += [_build_row(record, block) for record in members]
    return replace(table, blocks=tuple(blocks), rows=tuple(rows))


def _as_run(record: Record) -> Run:
    """Return what a record says of its run, as tables ask for it."""
    return Run(folder=Path(record.metadata.method), info=record.result.run)


def _head(letter: str, record: Record, table: ResultTable) -> Block:
    run = _as_run(record)
    title = f"submitted for {run.data} (detections {run.detections[:8]}, labels {run.labels[:8]})"
    ending = title.removeprefix("submitted for ")
    same = [block.letter for block in table.blocks if block.title.endswith(ending)]
    title += f", the data of {', '.join(same)}" if same else ""
    return Block(
        letter=letter, source="submitted", data=run.data, title=title, columns=METRIC_NAMES
    )


def _build_row(record: Record, block: Block) -> Row:
    result = _choose_protocol(record)
    return Row(
        label=record.metadata.method,
        group=GROUP,
        cells={(block.letter, name): _read(record, result, name) for name in METRIC_NAMES},
    )


def _choose_protocol(record: Record) -> ProtocolResult:
    """Return the scores under the paper's protocol, else under the first that there is."""
    blocks = record.result.protocols
    return next((block for block in blocks if block.protocol == DEFAULT_PROTOCOL), blocks[0])


def _read(record: Record, result: ProtocolResult, metric: str) -> Cell:
    if metric not in result.mean:
        return Cell(missing=f"{record.metadata.method} has no mean of {metric}")
    run = _as_run(record)
    cell = make_cell(run, result.mean[metric], protocol=result.name, options=result.options)
    if cell.provenance is None:
        return cell
    origin: Provenance = replace(cell.provenance, source="submitted")
    return replace(cell, provenance=origin)
