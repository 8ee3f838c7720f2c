"""Table 3: what ranks the hypotheses.

The likelihood is on some frames of a run only, so every ranker is scored on these too.
"""

from functools import lru_cache

from benchmark.evaluation.instances import METRIC_NAMES
from benchmark.evaluation.protocols import DEFAULT_PROTOCOL, Options, Ranker, get_protocol
from benchmark.evaluation.rankers import compare_rankers
from benchmark.likelihoods import LIKELIHOOD_NAME, read_likelihoods
from leaderboards.reported_tables import ReportedRow, ReportedTable
from leaderboards.runs import Run
from leaderboards.tables.assembly import FURTHER, FromRun, Plan, Slot, Wanted
from leaderboards.tables.candidates import is_genpose
from leaderboards.tables.model import Cell
from leaderboards.tables.questions import Ask, Question, find_obstacle, make_cell

_HYPOTHESES, _KEEP = 50, 0.6
_RANKERS: dict[str, Ranker] = {"random": "random", "energy": "energy", "ground truth": "gt"}


_SUBSET = "subset "
_LIKELIHOOD = "likelihood"


def plan_rankers(reported: ReportedTable) -> Plan:
    """Return what Table 3 asks for: 50 hypotheses and 60 % of them, ranked in different ways."""
    return Plan(
        reported=reported,
        rows=(*(_plan_row(row) for row in reported.rows), _plan_likelihood()),
        columns=(*METRIC_NAMES, *(f"{_SUBSET}{name}" for name in METRIC_NAMES)),
        relevant=lambda run: is_genpose(run) and run.info.split != "val",
        notes=(
            "without pooling: the first hypothesis drawn; else the best 60 % of 50 averaged",
            "subset: the frames that have exact likelihoods, all hypotheses of the run "
            "(genbench likelihood says how they were chosen, what they cost, and how well the "
            "energy agrees)",
        ),
    )


def _plan_row(row: ReportedRow) -> Wanted:
    pooled = row.attributes["pooling"]
    slots: dict[str, Slot] = {}
    for name in METRIC_NAMES:
        ask = Question(metric=name, protocol=row.protocol, options=choose_options(row))
        slots[name] = FromRun(fits=is_genpose, ask=ask)
    ranker = row.attributes["ranker"] if pooled else "random, one hypothesis"
    return Wanted(
        label=row.label,
        attributes={"mean pooling": "yes" if pooled else "no"},
        slots=slots | _plan_subset(ranker),
        reported=row,
    )


def _plan_likelihood() -> Wanted:
    return Wanted(
        label="Exact likelihood",
        group=FURTHER,
        attributes={"mean pooling": "yes"},
        slots=_plan_subset(_LIKELIHOOD),
    )


def _plan_subset(ranker: str) -> dict[str, Slot]:
    return {
        f"{_SUBSET}{name}": FromRun(
            fits=lambda run: is_genpose(run) and (run.folder / LIKELIHOOD_NAME).exists(),
            ask=_ask_subset(ranker, name),
            who="genbench likelihood",
        )
        for name in METRIC_NAMES
    }


def _ask_subset(ranker: str, metric: str) -> Ask:
    def ask(run: Run) -> Cell:
        if reason := find_obstacle(run):
            return Cell(missing=reason)
        means = _score_subset(run)[ranker]
        if metric not in means:
            return Cell(missing=f"{run.name}: its frames with likelihoods lack a category")
        protocol = get_protocol(DEFAULT_PROTOCOL).name
        return make_cell(run, means[metric], protocol=f"{protocol} on some frames")

    return ask


@lru_cache(maxsize=8)
def _score_subset(run: Run) -> dict[str, dict[str, float]]:
    likelihoods = read_likelihoods(run.folder / LIKELIHOOD_NAME)
    return compare_rankers(run.predictions, likelihoods)


def choose_options(row: ReportedRow) -> Options:
    """Return how a row's hypotheses are ranked and pooled."""
    if not row.attributes["pooling"]:
        return Options(hypotheses=1)
    ranker = _RANKERS[row.attributes["ranker"]]
    return Options(hypotheses=_HYPOTHESES, keep=_KEEP, ranker=ranker)
