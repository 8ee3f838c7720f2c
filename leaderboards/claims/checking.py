"""Testing all claims on all data, and the result as a document."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from benchmark.errors import ConfigError
from benchmark.texts import to_markdown
from leaderboards.analysis.rendering import Report, format_interval, render_markdown, to_plain
from leaderboards.analysis.resampling import ROUNDS
from leaderboards.claims.catalogue import CLAIMS
from leaderboards.claims.groups import DataGroup, group_runs
from leaderboards.claims.model import (
    Claim,
    Evidence,
    Finding,
    Measure,
    MissingEvidenceError,
    explain_doubt,
    judge,
)
from leaderboards.runs import Run

if TYPE_CHECKING:
    import pandas

PAPER = "the paper's numbers"
_NO_RUNS = "no runs"


def check_claims(
    runs: Sequence[Run],
    *,
    claims: Sequence[Claim] = CLAIMS,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> list[Finding]:
    """Test every claim on the paper's numbers, and on each set of runs over the same data.

    Args:
        runs: as `find_runs` gives them; those that were told to stop early are left out.
        claims: what to test.
        rounds, seed: of bootstrap and permutations.
    """
    groups = group_runs(runs, rounds, seed)
    findings = []
    for claim in claims:
        if claim.reported is not None:
            findings.append(_judge(claim, PAPER, claim.reported()))
        if claim.check is not None:
            findings += [_test(claim, group) for group in groups]
            if not groups:
                findings.append(_miss(claim, _NO_RUNS, "there are no runs", "genbench run SHARDS"))
    return findings


def _test(claim: Claim, group: DataGroup) -> Finding:
    assert claim.check is not None
    try:
        evidence = claim.check(group)
    except MissingEvidenceError as error:
        return _miss(claim, group.name, str(error), error.command)
    except ConfigError as error:
        return _miss(claim, group.name, str(error))
    resampling = evidence.resampling or group.resampling.describe()
    return _judge(claim, group.name, evidence, resampling)


def _judge(claim: Claim, data: str, evidence: Evidence, resampling: str = "") -> Finding:
    sampled = not all(item.is_exact for item in evidence.measures)
    return Finding(
        claim=claim.id,
        data=data,
        verdict=judge(evidence.measures),
        evidence=evidence,
        resampling=resampling if sampled else "",
        reason=explain_doubt(evidence.measures),
    )


def _miss(claim: Claim, data: str, reason: str, command: str = "") -> Finding:
    return Finding(claim=claim.id, data=data, verdict="untestable", reason=reason, command=command)


def report_claims(
    runs: Sequence[Run],
    *,
    left_out: Sequence[str] = (),
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Report:
    """Report the verdict on every claim.

    Args:
        runs: to test them on.
        left_out: why other runs were not taken, one line each.
        rounds, seed: of bootstrap and permutations.
    """
    findings = check_claims(runs, rounds=rounds, seed=seed)
    partial = [f"{run.name}: it was told to stop early" for run in runs if run.is_partial]
    skipped = [*left_out, *partial]
    return Report(
        name="claims",
        markdown=_render(findings, skipped, rounds, seed),
        document=_to_document(findings, skipped, rounds, seed),
        tables={"claims": build_measure_table(findings)},
    )


def _to_document(
    findings: Sequence[Finding], skipped: Sequence[str], rounds: int, seed: int
) -> dict[str, Any]:
    return {
        "rounds": rounds,
        "seed": seed,
        "left_out": list(skipped),
        "claims": [
            {
                "id": claim.id,
                "statement": claim.statement,
                "source": claim.source,
                "findings": [
                    _describe(finding) for finding in findings if finding.claim == claim.id
                ],
            }
            for claim in CLAIMS
        ],
    }


def _describe(finding: Finding) -> dict[str, Any]:
    known = finding.evidence or Evidence(measures=())
    return dict(
        to_plain(
            {
                "data": finding.data,
                "verdict": finding.verdict,
                "reason": finding.reason,
                "command": finding.command,
                "resampling": finding.resampling,
                "runs": known.runs,
                "protocol": known.protocol,
                "count": known.count,
                "notes": known.notes,
                "measures": [_describe_measure(item) for item in known.measures],
            }
        )
    )


def _describe_measure(item: Measure) -> dict[str, Any]:
    return {
        "name": item.name,
        "value": item.value,
        "low": item.low,
        "high": item.high,
        "claimed": f"{item.side} {item.bound:g}",
        "unit": item.unit,
        "verdict": item.verdict,
    }


def build_measure_table(findings: Sequence[Finding]) -> "pandas.DataFrame":
    """Return one row a measure, with the verdict on its claim; a claim without has one row, too."""
    import pandas

    blank = Measure(name="", value=float("nan"), low=float("nan"), high=float("nan"), unit="")
    rows = [
        {"claim": finding.claim, "data": finding.data, "verdict": finding.verdict}
        | _describe_measure(item)
        | {
            "measure_verdict": item.verdict,
            "verdict": finding.verdict,
            "runs": " ".join(finding.evidence.runs) if finding.evidence else "",
            "reason": finding.reason,
        }
        for finding in findings
        for item in (finding.evidence.measures if finding.evidence else (blank,))
    ]
    return pandas.DataFrame(rows).rename(columns={"name": "measure"})


def _render(findings: Sequence[Finding], skipped: Sequence[str], rounds: int, seed: int) -> str:
    lines = [
        "# The paper's claims",
        "",
        "A claim holds on some data if the whole interval of every measure lies on the claimed "
        "side, fails if one lies on the other, and is untestable if neither is so or something is "
        f"missing. Intervals cover 95 %: bootstrap, {rounds} rounds, seed {seed}; the paper's own "
        "numbers have none.",
        "",
        render_markdown(_build_overview(findings)),
        "",
        "## Evidence",
    ]
    for claim in CLAIMS:
        lines += ["", f"### {claim.id}", "", f"{claim.statement} ({claim.source})", ""]
        for finding in findings:
            if finding.claim == claim.id:
                lines += _render_finding(finding)
    if skipped:
        lines += ["", "## Runs left out", "", *(f"- {to_markdown(line)}" for line in skipped)]
    return "\n".join(lines)


def _build_overview(findings: Sequence[Finding]) -> "pandas.DataFrame":
    import pandas

    verdicts = {(item.claim, item.data): item.verdict for item in findings}
    columns = list(dict.fromkeys(item.data for item in findings))
    rows = [
        {"claim": claim.id} | {name: verdicts.get((claim.id, name), "") for name in columns}
        for claim in CLAIMS
    ]
    return pandas.DataFrame(rows)


def _render_finding(finding: Finding) -> list[str]:
    evidence = finding.evidence
    if evidence is None:
        hint = f"; `{finding.command}` makes it" if finding.command else ""
        reason = to_markdown(finding.reason)
        return [f"- {to_markdown(finding.data)}: **{finding.verdict}**. {reason}{hint}"]
    basis = [f"runs {', '.join(evidence.runs)}" if evidence.runs else "", evidence.count]
    basis += [evidence.protocol, finding.resampling, finding.reason, *evidence.notes]
    text = to_markdown("; ".join(part for part in basis if part))
    return [f"- {to_markdown(finding.data)}: **{finding.verdict}** ({text})"] + [
        f"  - {_phrase(item)}" for item in evidence.measures
    ]


def _phrase(item: Measure) -> str:
    digits = 3 if item.unit in _FINE_UNITS else 1
    interval = (
        "" if item.is_exact else f" ({format_interval(item.low, item.high, digits, signed=False)})"
    )
    return (
        f"{item.name}: {item.value:.{digits}f}{interval} {item.unit}, "
        f"claimed {item.side} {item.bound:g}: {item.verdict}"
    )


_FINE_UNITS = ("correlation", "resultant length", "area under the ROC curve")
