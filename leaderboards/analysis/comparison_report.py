"""A comparison of two runs as a document."""

from typing import TYPE_CHECKING

from benchmark.texts import to_markdown
from leaderboards.analysis.comparison import Comparison
from leaderboards.analysis.rendering import (
    Report,
    format_interval,
    list_records,
    render_markdown,
)

if TYPE_CHECKING:
    import pandas


def build_comparison_table(comparison: Comparison) -> "pandas.DataFrame":
    """Return one row a category and metric, with interval and verdict."""
    import pandas

    names = dict(zip(("first", "second"), comparison.names, strict=True)) | {"undecided": ""}
    rows = [
        {
            "category": item.category,
            "metric": item.metric,
            "first": item.first,
            "second": item.second,
            "difference": item.difference.value,
            "low": item.difference.low,
            "high": item.difference.high,
            "better": names[item.better] or "undecided",
        }
        for item in comparison.differences
    ]
    return pandas.DataFrame(rows)


def render_comparison(comparison: Comparison) -> str:
    """Return the comparison as Markdown."""
    first, second = (to_markdown(name) for name in comparison.names)
    table = build_comparison_table(comparison)
    table.insert(5, "interval", [format_interval(*ends) for ends in _list_ends(table)])
    table = table.drop(columns=["low", "high"])
    lines = [
        f"# {first} (first) and {second} (second)",
        "",
        f"Protocol {comparison.protocol}; difference is second minus first; "
        f"{comparison.resampling}, the same for both runs.",
        "",
        render_markdown(table),
        "",
        "## Objects that only one of them gets right",
        "",
        render_markdown(count_disagreements(comparison)),
        "",
        *(f"- {to_markdown(note)}" for note in comparison.notes),
    ]
    return "\n".join(lines)


def _list_ends(table: "pandas.DataFrame") -> list[tuple[float, float]]:
    return list(zip(table["low"], table["high"], strict=True))


def count_disagreements(comparison: Comparison) -> "pandas.DataFrame":
    """Return how many objects of each category only the first and only the second gets right."""
    import pandas

    found = comparison.disagreements
    counts = pandas.crosstab([found["category"], found["metric"]], found["right"])
    counts = counts.reindex(columns=["first", "second"], fill_value=0).astype(int)
    counts.columns = pandas.Index([f"only {name}" for name in counts.columns])
    return counts.reset_index()


def report_comparison(comparison: Comparison) -> Report:
    """Return the comparison with all its objects, ready to be printed or written."""
    table = build_comparison_table(comparison)
    return Report(
        name="compare",
        markdown=render_comparison(comparison),
        document={
            "first": comparison.names[0],
            "second": comparison.names[1],
            "protocol": comparison.protocol,
            "resampling": comparison.resampling,
            "differences": list_records(table),
            "disagreements": list_records(comparison.disagreements),
            "notes": list(comparison.notes),
        },
        tables={"compare": table, "disagreements": comparison.disagreements},
    )
