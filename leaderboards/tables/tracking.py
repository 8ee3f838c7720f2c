"""Table 6: tracking over sequences."""

from collections.abc import Callable

from leaderboards.reported_tables import ReportedRow, ReportedTable
from leaderboards.runs import Run
from leaderboards.tables.assembly import FURTHER, FromRun, Plan, Slot, Wanted
from leaderboards.tables.comparison import describe_run, is_tracked
from leaderboards.tables.model import Cell
from leaderboards.tables.questions import Ask, Question, find_obstacle, make_cell

_OURS = "tracking-genpose"
_METRICS = {
    "5deg_5cm": "5deg_5cm",
    "mean_rotation_error_deg": "mean_deg",
    "mean_translation_error_cm": "mean_cm",
}
_SPEED = "fps"


def plan_tracking(reported: ReportedTable) -> Plan:
    """Return what Table 6 asks for; each way of tracking beyond the first has its own row."""
    return Plan(
        reported=reported,
        rows=tuple(_plan_row(row) for row in reported.rows),
        columns=reported.columns,
        relevant=is_tracked,
        further=_plan_further,
        notes=(
            f"runs are scored by protocol {_OURS}; their speed is that of the machine that the "
            "CSV names, the paper's that of its own",
        ),
    )


def _plan_row(row: ReportedRow) -> Wanted:
    return Wanted(
        label=row.label,
        attributes={"input": row.attributes["input"], "init": row.attributes["initial"]},
        slots=_plan_slots(lambda run: run.info.estimator == row.method),
        reported=row,
    )


def _plan_further(run: Run) -> Wanted:
    return Wanted(
        label=f"{describe_run(run)} (run {run.name})",
        group=FURTHER,
        slots=_plan_slots(lambda other: other is run),
        optional=True,
    )


def _plan_slots(fits: Callable[[Run], bool]) -> dict[str, Slot]:
    asks: dict[str, Ask] = {_SPEED: _ask_speed}
    asks |= {name: Question(metric=key, protocol=_OURS) for name, key in _METRICS.items()}
    return {name: FromRun(fits=fits, ask=ask) for name, ask in asks.items()}


def _ask_speed(run: Run) -> Cell:
    if reason := find_obstacle(run):
        return Cell(missing=reason)
    speed = run.info.environment.get("frames_per_second")
    if speed is None:
        return Cell()
    return make_cell(run, float(speed), protocol="", digits=2)
