"""The paper's tables from the runs in a folder."""

from collections.abc import Callable, Iterable, Sequence

from leaderboards.reported_tables import ReportedTable, read_reported_table
from leaderboards.runs import Run
from leaderboards.tables.assembly import Plan, assemble
from leaderboards.tables.candidates import plan_candidates
from leaderboards.tables.categories import plan_categories
from leaderboards.tables.comparison import plan_comparison
from leaderboards.tables.holdout import plan_holdout
from leaderboards.tables.model import ResultTable
from leaderboards.tables.rankers import plan_rankers
from leaderboards.tables.tracking import plan_tracking

PLANS: dict[int, Callable[[ReportedTable], Plan]] = {
    1: plan_comparison,
    2: plan_candidates,
    3: plan_rankers,
    4: plan_categories,
    5: plan_holdout,
    6: plan_tracking,
    7: plan_comparison,
}


def build_tables(numbers: Iterable[int], runs: Sequence[Run]) -> list[ResultTable]:
    """Return tables of the paper with what the runs say beside what it reports.

    Args:
        numbers: 1 to 7.
        runs: any runs; each table takes those that concern it.

    Raises:
        UnknownNameError: no such table.
        ShardFormatError: predictions are damaged.
    """
    return [
        assemble(PLANS[reported.number](reported), runs)
        for reported in map(read_reported_table, numbers)
    ]
