"""Runs into tables: which run answers which cell, and what is said of those that answer none."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from leaderboards.reported_tables import ReportedRow, ReportedTable
from leaderboards.runs import Run
from leaderboards.tables.model import Block, Cell, Provenance, ResultTable, Row
from leaderboards.tables.questions import Ask, describe_weights, get_source

REPORTED = "A"
LETTERS = "BCDEFGHIJKLMNOPQRSTUVWXYZ"
FURTHER = "Not in the paper"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One row of a table before any run is asked.

    Attributes:
        label, group, attributes: as in `Row`.
        slots: by column of the runs' blocks.
        reported: the paper's row; None for rows that the paper does not have.
        optional: whether the row is there for a single run, which other blocks need not have.
    """

    label: str
    slots: dict[str, "Slot"]
    group: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    reported: ReportedRow | None = None
    optional: bool = False


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a table asks for.

    Attributes:
        reported: the paper's table.
        rows: the paper's rows and those that we add, in order.
        columns: of every block of runs.
        relevant: which runs concern the table at all.
        further: the row of a relevant run that fits none of `rows`; None names it in a note.
        notes: what a reader of the table should know.
    """

    reported: ReportedTable
    rows: tuple[Wanted, ...]
    columns: tuple[str, ...]
    relevant: Callable[[Run], bool]
    further: Callable[[Run], Wanted] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DataBlock:
    """Runs whose numbers may stand in one column, and the head of those columns."""

    head: Block
    runs: tuple[Run, ...]

    def choose(self, fits: Callable[[Run], bool]) -> Run | None:
        """Return the run to ask: complete before partial, the full budget before the short one."""
        return min(filter(fits, self.runs), key=_prefer, default=None)


class Slot(Protocol):
    """One number that is looked for in a block of runs."""

    def find(self, block: DataBlock) -> list[Run]:
        """Return the runs that answer, none where there are none."""
        ...

    def answer(self, block: DataBlock) -> Cell:
        """Return the number, or why there is none."""
        ...


@dataclass(frozen=True, kw_only=True)
class FromRun:
    """A number of the best run that fits.

    Attributes:
        fits: which runs can give it.
        ask: what to ask the best of them.
        who: what they are runs of, for the line that says that there is none.
    """

    fits: Callable[[Run], bool]
    ask: Ask
    who: str = ""

    def find(self, block: DataBlock) -> list[Run]:
        """Return the best run that fits."""
        run = block.choose(self.fits)
        return [] if run is None else [run]

    def answer(self, block: DataBlock) -> Cell:
        """Return its number."""
        runs = self.find(block)
        return self.ask(runs[0]) if runs else Cell(missing=f"no run{self.who and ' of '}{self.who}")


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How far one number is above another."""

    first: Slot
    second: Slot

    def find(self, block: DataBlock) -> list[Run]:
        """Return the runs of both."""
        return [*self.first.find(block), *self.second.find(block)]

    def answer(self, block: DataBlock) -> Cell:
        """Return the difference, nothing where one of them is not there."""
        cells = [slot.answer(block) for slot in (self.first, self.second)]
        (high, top), (low, bottom) = ((cell.value, cell.provenance) for cell in cells)
        if high is None or low is None or top is None or bottom is None:
            return Cell()
        weights = " minus ".join(filter(None, (top.weights, bottom.weights)))
        origin = replace(top, run=f"{top.run} minus {bottom.run}", weights=weights, fingerprints={})
        return Cell(value=high - low, text=f"{high - low:+.1f}", provenance=origin)


def assemble(plan: Plan, runs: Iterable[Run]) -> ResultTable:
    """Ask the runs for every number of a table."""
    relevant = [run for run in runs if plan.relevant(run)]
    blocks = group_runs(relevant, plan.columns)
    wanted, unused = list(plan.rows), _find_unused(plan.rows, blocks)
    if plan.further is not None:
        wanted += [plan.further(run) for run in unused]
        unused = []
    rows = [_answer(row, blocks) for row in wanted]
    heads = (_head_reported(plan.reported), *(block.head for block in blocks))
    return ResultTable(
        number=plan.reported.number,
        title=plan.reported.title,
        unit=plan.reported.unit,
        blocks=heads,
        rows=tuple(rows),
        footnotes=plan.reported.footnotes,
        notes=(*plan.notes, *_compare_blocks(blocks), *_name_unused(unused)),
        missing=tuple(_list_missing(heads[1:], rows)),
    )


def group_runs(runs: Sequence[Run], columns: tuple[str, ...]) -> list[DataBlock]:
    """Put runs into blocks of one source, data set, detections and labels each.

    Imported files bring detections and labels of their own, so they share a block by data set and
    a note says so. Partial runs give no numbers and open a block only where there is none.
    """
    groups: dict[tuple[str, ...], list[Run]] = {}
    for run in sorted(runs, key=lambda run: (run.is_imported is False, run.is_partial, run.name)):
        key: tuple[str, ...] = (get_source(run), run.data)
        if run.is_partial:
            key = next((known for known in groups if known[:2] == key), key)
        elif not run.is_imported:
            key = (*key, run.detections, run.labels)
        groups.setdefault(key, []).append(run)
    return [
        DataBlock(head=_head_runs(letter, members, columns), runs=tuple(members))
        for letter, members in zip(LETTERS, groups.values(), strict=False)
    ]


def _head_reported(table: ReportedTable) -> Block:
    return Block(
        letter=REPORTED,
        source="reported",
        data=table.dataset,
        title=f"reported for {table.dataset}: {table.source}",
        columns=table.columns,
    )


def _head_runs(letter: str, runs: Sequence[Run], columns: tuple[str, ...]) -> Block:
    source, first = get_source(runs[0]), runs[0]
    title = f"{source} on {first.data}"
    if source == "reproduced":
        title += f" (detections {first.detections[:8]}, labels {first.labels[:8]})"
    return Block(letter=letter, source=source, data=first.data, title=title, columns=columns)


def _prefer(run: Run) -> tuple[bool, bool, bool, int, str]:
    """Order runs: complete, the full budget, restarted after a miss as in the paper, most drawn."""
    coasting = run.info.configuration.get("tracking", {}).get("policy") == "coast"
    short = "short" in describe_weights(run)
    return run.is_partial, short, coasting, -(run.hypotheses or 0), run.name


def _find_unused(rows: Sequence[Wanted], blocks: Sequence[DataBlock]) -> list[Run]:
    used = {
        run.folder
        for block in blocks
        for row in rows
        for slot in row.slots.values()
        for run in slot.find(block)
    }
    return [run for block in blocks for run in block.runs if run.folder not in used]


def _answer(wanted: Wanted, blocks: Sequence[DataBlock]) -> Row:
    cells = _quote(wanted.reported)
    for block in blocks:
        for column, slot in wanted.slots.items():
            if slot.find(block) or not wanted.optional:
                cells[block.head.letter, column] = slot.answer(block)
    return Row(label=wanted.label, group=wanted.group, attributes=wanted.attributes, cells=cells)


def _quote(row: ReportedRow | None) -> dict[tuple[str, str], Cell]:
    """Return the paper's cells as they were printed."""
    if row is None:
        return {}
    provenance = Provenance(source="reported", protocol=row.protocol or "the paper's", data="")
    return {
        (REPORTED, column): Cell(
            value=value, text="" if value is None else str(value), provenance=provenance
        )
        for column, value in row.values.items()
    }


def _compare_blocks(blocks: Sequence[DataBlock]) -> list[str]:
    """Say which numbers cannot be compared with each other."""
    notes = []
    if blocks:
        letters = ", ".join([REPORTED, *(block.head.letter for block in blocks)])
        notes.append(f"{letters} are different data: compare down a column, not across letters")
    for block in blocks:
        sets = {run.detections for run in block.runs}
        if block.head.source == "imported" and len(sets) > 1:
            notes.append(
                f"{block.head.letter}: {len(sets)} detection sets: "
                + "; ".join(f"{run.name} {run.detections[:8]}" for run in block.runs)
            )
    return notes


def _name_unused(runs: Sequence[Run]) -> list[str]:
    if not runs:
        return []
    return [f"runs that this table has no place for: {', '.join(run.name for run in runs)}"]


def _list_missing(blocks: Sequence[Block], rows: Sequence[Row]) -> list[str]:
    """Return a line for every reason, with the rows that it concerns."""
    if not blocks:
        return ["nothing was run or imported yet: genbench run, genbench import"]
    reasons: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for (letter, _), cell in row.cells.items():
            if cell.missing:
                labels = reasons.setdefault((letter, cell.missing), [])
                if row.label not in labels:
                    labels.append(row.label)
    return [f"{letter} {', '.join(who)}: {why}" for (letter, why), who in reasons.items()]
