"""The log of a training: one CSV row every so many steps."""

import csv
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from benchmark.replacing import replacing


@dataclass(frozen=True, kw_only=True)
class LogRow:
    """State of a training after some steps.

    Attributes:
        step: optimiser steps done.
        seconds: time spent.
        loss: mean over the steps since the last row.
        learning_rate: of the last step.
        gradient_norm: of the last step, before clipping.
        clouds_per_s: since the start.
    """

    step: int
    seconds: float
    loss: float
    learning_rate: float
    gradient_norm: float
    clouds_per_s: float


_NAMES = [item.name for item in fields(LogRow)]


def append_row(path: Path, row: LogRow) -> None:
    """Add a row to a log, which is begun if it is not there."""
    is_new = not path.exists() or not path.stat().st_size
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, _NAMES)
        if is_new:
            writer.writeheader()
        writer.writerow(asdict(row))


def read_rows(path: Path) -> Iterator[LogRow]:
    """Yield the rows of a log, up to one that a full disk has cut short; nothing without a log."""
    if not path.exists():
        return
    with path.open(newline="") as file:
        for row in csv.DictReader(line for line in file if line.endswith("\n")):
            values = {name: float(row[name]) for name in _NAMES if name != "step"}
            yield LogRow(step=int(row["step"]), **values)


def forget_rows_after(path: Path, step: int) -> None:
    """Drop what a killed training logged after its last check-point: it is done again."""
    rows = [row for row in read_rows(path) if row.step <= step]
    if not rows:
        path.unlink(missing_ok=True)
        return
    with replacing(path) as temporary:
        for row in rows:
            append_row(temporary, row)
