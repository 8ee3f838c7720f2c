"""Tables 1 and 7: all methods, with parameters, and GenPose's bounds with the truth as ranker."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from benchmark.evaluation.instances import METRIC_NAMES
from benchmark.evaluation.protocols import DEFAULT_PROTOCOL, Options, Oracle
from leaderboards.reported_tables import ReportedRow, ReportedTable, read_reported_table
from leaderboards.runs import Run
from leaderboards.tables.assembly import FURTHER, FromRun, Plan, Slot, Wanted
from leaderboards.tables.questions import (
    Ask,
    Question,
    ask_parameters,
    describe_weights,
)

GENPOSE = "genpose"
_SPLIT_OF_TABLE_7 = "val"
_TRACKING = 6
_PARAMETERS = "parameters"


def plan_comparison(reported: ReportedTable) -> Plan:
    """Return what Table 1 (test frames) or Table 7 (CAMERA's validation frames) asks for."""
    rows = [wanted for row in reported.rows for wanted in _plan_row(row)]
    validation = reported.number == 7

    def relevant(run: Run) -> bool:
        on_camera = run.info.split == _SPLIT_OF_TABLE_7
        return is_single_frame(run) and on_camera == validation

    return Plan(
        reported=reported,
        rows=tuple(rows),
        columns=(*METRIC_NAMES, _PARAMETERS),
        relevant=relevant,
        further=plan_further,
        notes=(
            "rows with K are bounds: the nearest of the first K hypotheses to the truth, without a "
            "ranker; rotation and translation may come from two of them unless the row says joint",
        ),
    )


def is_single_frame(run: Run) -> bool:
    """Tell whether a run has seen every category and estimated every frame by itself."""
    return not is_tracked(run) and run.holdout is None


def is_tracked(run: Run) -> bool:
    """Tell whether a run tracked; imported files do not say so, but their methods are known."""
    return run.is_tracking or (run.is_imported and run.info.estimator in _get_trackers())


@cache
def _get_trackers() -> frozenset[str]:
    methods = {row.method for row in read_reported_table(_TRACKING).rows}
    return frozenset(method for method in methods if method is not None) - {GENPOSE}


def plan_further(run: Run) -> Wanted:
    """Return the row of a run that the paper has no row for."""
    protocol = DEFAULT_PROTOCOL if not run.is_imported else "nocs"
    return Wanted(
        label=f"{describe_run(run)} (run {run.name})",
        group=FURTHER,
        slots=_ask_scores(lambda other: other is run, protocol, Options(), ask_parameters()),
        optional=True,
    )


def describe_run(run: Run) -> str:
    """Return what made a run: estimator, weights, and what else sets it apart."""
    configuration = run.info.configuration
    parts = [run.info.estimator, describe_weights(run)]
    if symmetry := configuration.get("symmetry"):
        parts.append(f"symmetry {symmetry}")
    if run.hypotheses:
        parts.append(f"K = {run.hypotheses}")
    if tracking := configuration.get("tracking"):
        parts += [str(tracking[name]) for name in ("policy", "perturbation") if name in tracking]
        parts += [f"T0 = {tracking['t0']}"] if tracking.get("t0") is not None else []
    return ", ".join(part for part in parts if part)


def _plan_row(row: ReportedRow) -> list[Wanted]:
    """Return the paper's row, and for a bound the joint one, which the paper does not have."""
    plain = Wanted(
        label=row.label,
        group=row.group,
        attributes={"input": row.attributes["input"], "prior": _tick(row.attributes["prior"])},
        slots=_choose_slots(row, oracle="separate"),
        reported=row,
    )
    if not row.attributes.get("oracle"):
        return [plain]
    joint = replace(
        plain,
        label=f"{row.label}, joint",
        slots=_choose_slots(row, oracle="joint"),
        reported=None,
    )
    return [plain, joint]


def _tick(value: bool) -> str:
    return "yes" if value else "no"


def _choose_slots(row: ReportedRow, oracle: Oracle) -> dict[str, Slot]:
    drawn = row.attributes.get("hypotheses")
    if row.method != GENPOSE or drawn is None:
        return _ask_scores(_is_of(row.method), row.protocol, Options(), ask_parameters())
    if not row.attributes.get("oracle"):
        options = Options(hypotheses=drawn, keep=row.attributes["keep"])
        fits = _is_of(GENPOSE, at_least=drawn)
        return _ask_scores(fits, row.protocol, options, ask_parameters())
    options = Options(hypotheses=drawn, keep=1.0, pooling="nearest", oracle=oracle)
    fits = _is_of(GENPOSE, at_least=drawn)
    return _ask_scores(fits, row.protocol, options, ask_parameters(network="score"))


def _is_of(method: str | None, at_least: int = 0) -> Callable[[Run], bool]:
    """Return the test for runs of a method with enough hypotheses."""
    return lambda run: run.info.estimator == method and (run.hypotheses or 0) >= at_least


def _ask_scores(
    fits: Callable[[Run], bool], protocol: str, options: Options, parameters: Ask
) -> dict[str, Slot]:
    asks: dict[str, Ask] = {
        name: Question(metric=name, protocol=protocol, options=options) for name in METRIC_NAMES
    }
    asks[_PARAMETERS] = parameters
    return {name: FromRun(fits=fits, ask=ask) for name, ask in asks.items()}
