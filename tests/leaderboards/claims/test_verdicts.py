"""From measures to verdicts, and the paper's own numbers as evidence."""

import math

import pytest

from leaderboards.analysis.resampling import Estimate
from leaderboards.claims.catalogue import CLAIMS
from leaderboards.claims.checking import PAPER, check_claims, report_claims
from leaderboards.claims.model import explain_doubt, judge, measure

FALSE_BY_THE_PAPER = {
    "real275-gpv-pose-is-state-of-the-art",
    "real275-20-points-over-gpv-pose",
}


@pytest.mark.parametrize(
    ("low", "high", "above", "below"),
    [
        (1.0, 2.0, "holds", "fails"),
        (-2.0, -1.0, "fails", "holds"),
        (-1.0, 1.0, "untestable", "untestable"),
        (0.0, 1.0, "untestable", "untestable"),
        (math.nan, math.nan, "untestable", "untestable"),
    ],
)
def test_the_whole_interval_decides(low: float, high: float, above: str, below: str) -> None:
    for shift in (0.0, 5.0):
        found = Estimate(value=(low + high) / 2 + shift, low=low + shift, high=high + shift)
        assert measure("m", found, bound=shift).verdict == above
        assert measure("m", found, bound=shift, side="below").verdict == below


def test_a_claim_holds_only_if_every_measure_does() -> None:
    yes, no = measure("yes", 1.0), measure("no", -1.0)
    doubt = measure("doubt", Estimate(value=0.1, low=-1.0, high=1.0))
    assert judge([yes, yes]) == "holds"
    assert judge([yes, doubt]) == "untestable"
    assert judge([doubt, no, yes]) == "fails"
    assert explain_doubt([yes, doubt]) == "doubt: the interval lies on both sides of 0"
    assert explain_doubt([yes]) == ""


def test_decimals_of_printed_numbers_do_not_decide() -> None:
    assert measure("exactly 18", 60.9 - 42.9, bound=18.0).verdict == "untestable"


def test_the_paper_bears_out_all_claims_but_those_about_gpv_pose() -> None:
    findings = [item for item in check_claims([]) if item.data == PAPER]
    assert len(findings) >= 20
    assert {item.claim for item in findings if item.verdict == "fails"} == FALSE_BY_THE_PAPER
    assert {item.verdict for item in findings} == {"holds", "fails"}


def test_the_false_margin_is_off_by_two_points() -> None:
    (finding,) = [
        item for item in check_claims([]) if item.claim == "real275-20-points-over-gpv-pose"
    ]
    assert finding.evidence is not None
    values = [(item.value, item.verdict) for item in finding.evidence.measures]
    assert values == [(20.1, "holds"), (18.0, "fails")]


def test_without_runs_the_rest_is_untestable_and_says_what_is_missing() -> None:
    findings = [item for item in check_claims([]) if item.data != PAPER]
    assert {item.verdict for item in findings} == {"untestable"}
    assert all(item.reason and item.command for item in findings)


def test_every_claim_can_be_tested_somehow() -> None:
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS)
    for claim in CLAIMS:
        assert claim.check or claim.reported, claim.id
        assert claim.statement.endswith("."), claim.id


def test_report_names_every_claim_and_is_the_same_again() -> None:
    first, second = report_claims([], left_out=["x: broken"]), report_claims([])
    assert [item["id"] for item in first.document["claims"]] == [claim.id for claim in CLAIMS]
    assert all(claim.id in first.markdown for claim in CLAIMS)
    assert "x: broken" in first.markdown
    assert first.document["claims"] == second.document["claims"]
    assert set(first.tables["claims"]["claim"]) == {claim.id for claim in CLAIMS}
