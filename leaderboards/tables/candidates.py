"""Table 2: how many hypotheses, and what share of them is averaged, from a single run."""

from benchmark.evaluation.protocols import Options
from leaderboards.reported_tables import ReportedRow, ReportedTable
from leaderboards.runs import Run
from leaderboards.tables.assembly import FromRun, Plan, Wanted
from leaderboards.tables.comparison import GENPOSE, is_single_frame
from leaderboards.tables.questions import Question

METRIC = "10deg_2cm"


def plan_candidates(reported: ReportedTable) -> Plan:
    """Return what Table 2 asks for: the first K drawn of one run, never of a run for each cell."""
    return Plan(
        reported=reported,
        rows=tuple(_plan_row(row, reported.columns) for row in reported.rows),
        columns=reported.columns,
        relevant=lambda run: is_genpose(run) and run.info.split != "val",
        notes=("K is the first K drawn of one run, which needs 100 hypotheses for all rows",),
    )


def is_genpose(run: Run) -> bool:
    """Tell whether a run is of GenPose on single frames, with all categories seen."""
    return run.info.estimator == GENPOSE and is_single_frame(run)


def _plan_row(row: ReportedRow, columns: tuple[str, ...]) -> Wanted:
    return Wanted(
        label=row.label,
        slots={
            column: FromRun(
                fits=is_genpose,
                ask=Question(
                    metric=METRIC,
                    protocol=row.protocol,
                    options=Options(
                        hypotheses=row.attributes["hypotheses"],
                        keep=float(column.removesuffix("%")) / 100,
                    ),
                ),
            )
            for column in columns
        },
        reported=row,
    )
