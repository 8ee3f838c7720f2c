"""What a claim is, and what is found about it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from benchmark.errors import GenBenchError
from leaderboards.analysis.resampling import Estimate

if TYPE_CHECKING:
    from leaderboards.claims.groups import DataGroup

Verdict = Literal["holds", "fails", "untestable"]
Side = Literal["above", "below"]


class MissingEvidenceError(GenBenchError):
    """What a claim needs is not among the runs.

    Attributes:
        command: what makes it.
    """

    def __init__(self, reason: str, command: str = "") -> None:
        super().__init__(reason)
        self.command = command


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One number that speaks for or against a claim.

    Attributes:
        name: what is measured.
        value, low, high: it, with its interval; all equal where the number is exact.
        bound: where the claimed side begins.
        side: the claimed side.
        unit: of all of them.
    """

    name: str
    value: float
    low: float
    high: float
    bound: float = 0.0
    side: Side = "above"
    unit: str = "points"

    @property
    def verdict(self) -> Verdict:
        """Which side the whole interval lies on."""
        low, high = self.low - self.bound, self.high - self.bound
        if self.side == "below":
            low, high = -high, -low
        return "holds" if low > 0 else "fails" if high < 0 else "untestable"

    @property
    def is_exact(self) -> bool:
        """Whether there is no interval, because nothing was sampled."""
        return self.low == self.high == self.value


def measure(
    name: str,
    estimate: Estimate | float,
    *,
    bound: float = 0.0,
    side: Side = "above",
    unit: str = "points",
) -> Measure:
    """Return a measure of an estimate with its interval, or of an exact number."""
    if not isinstance(estimate, Estimate):
        exact = round(float(estimate), 9)  # 60.9 - 42.9 is 18, not 17.999999999999993
        estimate = Estimate(value=exact, low=exact, high=exact)
    return Measure(
        name=name,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        bound=bound,
        side=side,
        unit=unit,
    )


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a check has measured.

    Attributes:
        measures: the claim holds if all of them do, and fails if one does.
        runs: folders of the runs behind them.
        protocol: that the numbers were taken under.
        count: what was counted ("1418 objects").
        notes: what a reader has to know.
        resampling: what intervals rest on, where it is not the data's bootstrap.
    """

    measures: tuple[Measure, ...]
    runs: tuple[str, ...] = ()
    protocol: str = ""
    count: str = ""
    notes: tuple[str, ...] = ()
    resampling: str = ""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One statement of the paper.

    Attributes:
        id: short name.
        statement: the claim in our words, with what counts as holding.
        source: where the paper says so.
        check: measures it on runs over the same data; None where runs cannot tell.
        reported: measures it on the paper's own numbers; None where it prints none.
    """

    id: str
    statement: str
    source: str
    check: "Callable[[DataGroup], Evidence] | None" = None
    reported: Callable[[], Evidence] | None = None


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The verdict on a claim on one data set.

    Attributes:
        claim: its id.
        data: what it was tested on.
        verdict: "untestable" where the evidence is missing, or lies on neither side.
        evidence: what was measured; None where something is missing.
        resampling: what the intervals rest on.
        reason, command: what is missing, and what makes it.
    """

    claim: str
    data: str
    verdict: Verdict
    evidence: Evidence | None = None
    resampling: str = ""
    reason: str = ""
    command: str = ""


def judge(measures: Sequence[Measure]) -> Verdict:
    """Return the verdict on all measures together."""
    verdicts = {item.verdict for item in measures}
    if "fails" in verdicts:
        return "fails"
    return "holds" if verdicts == {"holds"} else "untestable"


def explain_doubt(measures: Sequence[Measure]) -> str:
    """Say why measures that do not fail do not hold either."""
    for item in measures:
        if item.verdict == "untestable":
            if math.isnan(item.low):
                return f"{item.name}: nothing to measure, or too little for an interval"
            return f"{item.name}: the interval lies on both sides of {item.bound:g}"
    return ""
