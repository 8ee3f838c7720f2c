"""The paper's tables from the runs in a folder."""

from collections.abc import Callable, Iterable, Sequence

from leaderboards.reported_tables import ReportedTable, read_reported_table
from leaderboards.runs import Run
from leaderboards.submission.record import Record
from leaderboards.tables.assembly import Plan, assemble
from leaderboards.tables.candidates import plan_candidates
from leaderboards.tables.categories import plan_categories
from leaderboards.tables.comparison import plan_comparison
from leaderboards.tables.holdout import plan_holdout
from leaderboards.tables.model import ResultTable
from leaderboards.tables.rankers import plan_rankers
from leaderboards.tables.submitted import add_records
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


WITH_RECORDS = (1, 7)


def build_tables(
    numbers: Iterable[int], runs: Sequence[Run], records: Sequence[Record] = ()
) -> list[ResultTable]:
    """Return tables of the paper with what the runs say beside what it reports.

    Args:
        numbers: 1 to 7.
        runs: any runs; each table takes those that concern it.
        records: submissions, for the tables that compare methods.

    Raises:
        UnknownNameError: no such table.
        ShardFormatError: predictions are damaged.
    """
    tables = []
    for reported in map(read_reported_table, numbers):
        table = assemble(PLANS[reported.number](reported), runs)
        tables.append(add_records(table, records) if reported.number in WITH_RECORDS else table)
    return tables
