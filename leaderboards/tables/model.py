"""What a table is made of: cells that know where their numbers come from."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from leaderboards.reported_tables import Footnote

Source = Literal["reported", "imported", "reproduced", "submitted"]


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where the number of a cell comes from.

    Attributes:
        source: "reported" in the paper, "imported" from another project's result file,
            "reproduced" here, or "submitted" as a leaderboard record.
        protocol: id and version of the evaluation ("genpose/1"); as the paper says for "reported";
            "" for what is no measurement (the number of parameters).
        data: data set, split and label set.
        run: name of the run's folder or of the record, "" for the paper.
        estimator, weights: what made the poses.
        options: what the protocol was told (hypotheses, keep, ranker ...).
        configuration: resolved options of the run.
        fingerprints: of detections, labels and weights.
        environment: versions and machine of the run.
    """

    source: Source
    protocol: str
    data: str
    run: str = ""
    estimator: str = ""
    weights: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    configuration: dict[str, Any] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)

    def describe(self) -> str:
        """Return the sentence that stands below a table."""
        parts = [f"{self.source}, protocol {self.protocol}"]
        if self.run:
            parts.append(f"run {self.run}")
        if self.weights:
            parts.append(f"weights {' '.join([self.weights, *self._shorten_digests()])}")
        if tracking := self.configuration.get("tracking"):
            told = (f"{name} {value}" for name, value in sorted(tracking.items()))
            parts.append(f"tracking with {', '.join(told)}")
        if "seed" in self.configuration:
            parts.append(f"seed {self.configuration['seed']}")
        return ", ".join(parts)

    def _shorten_digests(self) -> list[str]:
        prefix = "weights:"
        return [
            f"{name.removeprefix(prefix)}:{digest[:8]}"
            for name, digest in sorted(self.fingerprints.items())
            if name.startswith(prefix) and name != f"{prefix}card"
        ]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One number, or the reason why there is none.

    Attributes:
        value: None where there is no number.
        provenance: None where nothing was asked.
        missing: why an expected number is not there, "" where it is or none was expected.
        text: the number as it is printed, "" where there is none.
    """

    value: float | None = None
    provenance: Provenance | None = None
    missing: str = ""
    text: str = ""


BLANK = Cell()


@dataclass(frozen=True, kw_only=True)
class Block:
    """Columns side by side that share a source and a data set.

    Attributes:
        letter: what stands before its columns' names.
        source, data: of all its numbers.
        title: what the letter stands for.
        columns: names of its columns.
    """

    letter: str
    source: Source
    data: str
    title: str
    columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row; `cells` holds (letter of the block, column) to cell, and lacks what is blank."""

    label: str
    group: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    cells: dict[tuple[str, str], Cell] = field(default_factory=dict)

    def get(self, block: Block, column: str) -> Cell:
        """Return a cell, blank where nothing is known."""
        return self.cells.get((block.letter, column), BLANK)


@dataclass(frozen=True, kw_only=True)
class ResultTable:
    """One of the paper's tables: what was reported, imported and reproduced, side by side.

    Attributes:
        number: 1 to 7.
        title, unit: as in the paper.
        blocks: groups of columns, what the paper reports first.
        rows: the paper's rows, all of them, then others.
        footnotes: remarks about what the paper reports.
        notes: remarks about the runs.
        missing: what is not there, and why, one line each.
    """

    number: int
    title: str
    unit: str
    blocks: tuple[Block, ...]
    rows: tuple[Row, ...]
    footnotes: tuple[Footnote, ...] = ()
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def iterate_cells(self) -> Iterator[tuple[Row, Block, str, Cell]]:
        """Yield every cell with its row, block and column, row by row."""
        for row in self.rows:
            for block in self.blocks:
                for column in block.columns:
                    yield row, block, column, row.get(block, column)

    def describe(self) -> dict[str, Any]:
        """Return the table as plain values, for JSON."""
        cells = [
            {"row": row.label, "group": row.group, "block": block.letter, "column": column}
            | asdict(cell)
            for row, block, column, cell in self.iterate_cells()
        ]
        parts = asdict(self)
        return {name: value for name, value in parts.items() if name != "rows"} | {"cells": cells}
