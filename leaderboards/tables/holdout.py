"""Table 5: a category that was trained on against the same category left out of training."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmark.evaluation.instances import METRIC_NAMES
from leaderboards.reported_tables import ReportedRow, ReportedTable
from leaderboards.runs import Run
from leaderboards.tables.assembly import DataBlock, FromRun, Plan, Slot, Wanted
from leaderboards.tables.candidates import is_genpose
from leaderboards.tables.comparison import GENPOSE, is_tracked
from leaderboards.tables.model import Cell
from leaderboards.tables.questions import Question, describe_weights


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A number of the run whose weights differ from the held-out ones in nothing but the category.

    Attributes:
        unseen: where the number of the held-out run comes from.
        category: the one that was left out.
        ask: what to ask.
    """

    unseen: FromRun
    category: str
    ask: Question

    def find(self, block: DataBlock) -> list[Run]:
        """Return the run of the same weights with all categories, where one is held out."""
        return self._build(block).find(block)

    def answer(self, block: DataBlock) -> Cell:
        """Return its number."""
        return self._build(block).answer(block)

    def _build(self, block: DataBlock) -> FromRun:
        held_out = self.unseen.find(block)
        if not held_out:
            return self.unseen
        base = describe_weights(held_out[0]).removesuffix(f"-without-{self.category}")
        return FromRun(
            fits=lambda run: is_genpose(run) and describe_weights(run) == base,
            ask=self.ask,
            who=f"weights {base}, which saw {self.category}",
        )


def plan_holdout(reported: ReportedTable) -> Plan:
    """Return what Table 5 asks for."""
    return Plan(
        reported=reported,
        rows=tuple(_plan_row(row) for row in reported.rows),
        columns=reported.columns,
        relevant=lambda run: (
            run.info.estimator == GENPOSE and not is_tracked(run) and run.info.split != "val"
        ),
        notes=(
            "seen and unseen differ in the category alone: weights of the same data and budget, "
            "which is shorter than that of the weights of Table 1",
        ),
    )


def _plan_row(row: ReportedRow) -> Wanted:
    slots: dict[str, Slot] = {}
    for metric in METRIC_NAMES:
        ask = Question(metric=metric, protocol=row.protocol, categories=(row.group,))
        unseen = FromRun(
            fits=_is_without(row.method, row.group),
            ask=ask,
            who=f"{row.label} without {row.group} (genbench run --holdout {row.group})"
            if row.method == GENPOSE
            else "",
        )
        seen = Seen(unseen=unseen, category=row.group, ask=ask) if row.method == GENPOSE else unseen
        slots |= {f"{metric} seen": seen, f"{metric} unseen": unseen}
    return Wanted(label=row.label, group=row.group, slots=slots, reported=row)


def _is_without(method: str | None, category: str) -> Callable[[Run], bool]:
    return lambda run: run.info.estimator == method and run.holdout == category
