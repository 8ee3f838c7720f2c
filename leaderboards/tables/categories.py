"""Table 4: category by category, against a twin that regresses one pose.

The twin has the encoder, the data and the budget of GenPose's weights of the comparison budget, so
that gains are taken between these two; the shipped weights of the full budget stand beside them.
"""

from collections.abc import Callable

from leaderboards.reported_tables import ReportedRow, ReportedTable
from leaderboards.runs import Run
from leaderboards.tables.assembly import Difference, FromRun, Plan, Slot, Wanted
from leaderboards.tables.comparison import GENPOSE, is_single_frame
from leaderboards.tables.questions import Question, describe_weights

_METRICS = ("5deg_2cm", "5deg_5cm")
_AVERAGE = "average"
_REGRESSION = "regression"
_IMPORTED = "rbp-pose"


def is_short(run: Run) -> bool:
    """Tell whether a run's weights were trained with the budget that comparisons share."""
    return "short" in describe_weights(run)


def plan_categories(reported: ReportedTable) -> Plan:
    """Return what Table 4 asks for."""
    groups: dict[str, list[str]] = {}
    for row in reported.rows:
        if row.label != _AVERAGE:
            groups.setdefault(row.group, []).append(row.label)
    rows = [_plan_row(row, groups) for row in reported.rows]
    return Plan(
        reported=reported,
        rows=tuple(rows),
        columns=tuple(rows[0].slots),
        relevant=lambda run: (
            run.info.estimator in (GENPOSE, _REGRESSION, _IMPORTED)
            and is_single_frame(run)
            and run.info.split != "val"
        ),
        notes=(
            "of our columns, genpose-short, regression and regression-ignoring share encoder, data "
            "and budget; the twin regresses one pose, with or without symmetric poses being equal "
            "in its loss; gain is genpose-short above regression",
        ),
    )


def _plan_row(row: ReportedRow, groups: dict[str, list[str]]) -> Wanted:
    average = row.label == _AVERAGE
    categories = tuple(groups[row.group]) if average else (row.label,)
    slots: dict[str, Slot] = {}
    for metric in _METRICS:
        slots |= _plan_metric(Question(metric=metric, categories=categories))
    return Wanted(label=row.label, group=row.group, slots=slots, reported=row)


def _plan_metric(question: Question) -> dict[str, Slot]:
    fits: dict[str, Callable[[Run], bool]] = {
        _IMPORTED: lambda run: run.info.estimator == _IMPORTED,
        GENPOSE: lambda run: run.info.estimator == GENPOSE and not is_short(run),
        "genpose-short": lambda run: run.info.estimator == GENPOSE and is_short(run),
        _REGRESSION: lambda run: _is_twin(run) and not _ignores_symmetry(run),
        "regression-ignoring": lambda run: _is_twin(run) and _ignores_symmetry(run),
    }
    found: dict[str, Slot] = {
        name: FromRun(fits=test, ask=question, who=name) for name, test in fits.items()
    }
    found["gain"] = Difference(first=found["genpose-short"], second=found[_REGRESSION])
    return {f"{name} {question.metric}": slot for name, slot in found.items()}


def _is_twin(run: Run) -> bool:
    return run.info.estimator == _REGRESSION


def _ignores_symmetry(run: Run) -> bool:
    return run.info.configuration.get("symmetry") == "ignored"
