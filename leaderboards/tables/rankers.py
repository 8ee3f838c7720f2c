"""Table 3: what ranks the hypotheses."""

from benchmark.evaluation.instances import METRIC_NAMES
from benchmark.evaluation.protocols import Options, Ranker
from leaderboards.reported_tables import ReportedRow, ReportedTable
from leaderboards.tables.assembly import FromRun, Plan, Wanted
from leaderboards.tables.candidates import is_genpose
from leaderboards.tables.questions import Question

_HYPOTHESES, _KEEP = 50, 0.6
_RANKERS: dict[str, Ranker] = {"random": "random", "energy": "energy", "ground truth": "gt"}


def plan_rankers(reported: ReportedTable) -> Plan:
    """Return what Table 3 asks for: 50 hypotheses and 60 % of them, ranked in different ways."""
    return Plan(
        reported=reported,
        rows=tuple(_plan_row(row) for row in reported.rows),
        columns=METRIC_NAMES,
        relevant=lambda run: is_genpose(run) and run.info.split != "val",
        notes=("without pooling: the first hypothesis drawn; else the best 60 % of 50 averaged",),
    )


def _plan_row(row: ReportedRow) -> Wanted:
    pooled = row.attributes["pooling"]
    return Wanted(
        label=row.label,
        attributes={"mean pooling": "yes" if pooled else "no"},
        slots={
            name: FromRun(
                fits=is_genpose,
                ask=Question(metric=name, protocol=row.protocol, options=choose_options(row)),
            )
            for name in METRIC_NAMES
        },
        reported=row,
    )


def choose_options(row: ReportedRow) -> Options:
    """Return how a row's hypotheses are ranked and pooled."""
    if not row.attributes["pooling"]:
        return Options(hypotheses=1)
    ranker = _RANKERS[row.attributes["ranker"]]
    return Options(hypotheses=_HYPOTHESES, keep=_KEEP, ranker=ranker)
