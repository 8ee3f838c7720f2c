"""Results as tables: pandas frames, CSV, Markdown, and the terminal."""

from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.evaluation.result import CategoryResult, ProtocolResult, Result
from benchmark.replacing import replacing

if TYPE_CHECKING:
    import pandas
    from rich.table import Table

MEAN = "mean"
_IOU_COLUMNS = ("iou_50", "iou_75")
_COUNTS = ("instances", "hypotheses_per_s")


def build_table(block: ProtocolResult, hypotheses_per_s: float | None = None) -> "pandas.DataFrame":
    """Return the table of one protocol: one row a category and a last row `mean`.

    AP columns are percentages. Cells without a number are NaN; the mean's are, unless every
    category has instances.

    Args:
        block: the protocol's result.
        hypotheses_per_s: speed of the run, for the row `mean`; None leaves the column out.
    """
    import pandas

    rows = {item.category: _list_cells(item) for item in block.categories}
    total = {"instances": sum(item.instances for item in block.categories)}
    speed = {} if hypotheses_per_s is None else {"hypotheses_per_s": hypotheses_per_s}
    rows[MEAN] = block.mean | total | speed
    frame = pandas.DataFrame.from_dict(rows, orient="index", columns=_name_columns(block, speed))
    frame.index.name = "category"
    return frame.astype({name: float for name in frame.columns if name != "instances"})


def _list_cells(item: CategoryResult) -> dict[str, float]:
    return item.metrics | {"instances": item.instances}


def _name_columns(block: ProtocolResult, speed: dict[str, float]) -> list[str]:
    """Name the columns; the IoU columns are there, blank, for methods without sizes as well."""
    metrics = list(block.categories[0].metrics)
    if "median_deg" in metrics and "iou_50" not in metrics:
        place = metrics.index("median_deg")
        metrics[place:place] = _IOU_COLUMNS
    return [*metrics, "instances", *speed]


def format_table(frame: "pandas.DataFrame") -> "pandas.DataFrame":
    """Return the table as text, blank where there is no number."""
    formats = {name: _choose_format(name) for name in frame.columns}
    text = frame.astype(object)
    for name, template in formats.items():
        text[name] = ["" if value != value else template.format(value) for value in frame[name]]
    return text


def _choose_format(column: str) -> str:
    if column in _COUNTS:
        return "{:,.0f}"
    return "{:.2f}" if column.endswith(("_deg", "_cm")) and column[0] == "m" else "{:.1f}"


def describe_block(block: ProtocolResult) -> list[str]:
    """Return the lines that go below a table."""
    lines = list(block.notes)
    if block.missing:
        lines.append(f"no mean: no instances of {', '.join(block.missing)}")
    for name, (low, high) in block.mean_intervals.items():
        lines.append(f"mean {name}: 95 % interval {low:.1f} to {high:.1f}")
    return lines


def write_tables(out: Path, result: Result) -> None:
    """Write table.csv (full precision) and table.md (rounded, with notes) into `out`."""
    import pandas

    labelled, pages = [], []
    for block in result.protocols:
        frame = build_table(block, result.hypotheses_per_s)
        pages.append(_render_markdown(block, frame))
        rows = frame.reset_index()
        rows.insert(0, "protocol", block.name)
        if notes := "; ".join(describe_block(block)):
            rows["notes"] = notes
        labelled.append(rows)
    with replacing(out / "table.csv") as temporary:
        pandas.concat(labelled).to_csv(temporary, index=False)
    with replacing(out / "table.md") as temporary:
        temporary.write_text("\n".join(pages), encoding="utf-8")


def _render_markdown(block: ProtocolResult, frame: "pandas.DataFrame") -> str:
    text = format_table(frame).reset_index()
    lines = [
        f"## Protocol {block.name}",
        "",
        f"| {' | '.join(text.columns)} |",
        f"|---|{'---:|' * (len(text.columns) - 1)}",
        *(f"| {' | '.join(row)} |" for row in text.itertuples(index=False)),
        "",
        *(f"- {line}" for line in describe_block(block)),
        "",
    ]
    return "\n".join(lines)


def render_table(block: ProtocolResult, hypotheses_per_s: float | None = None) -> "Table":
    """Return the table of one protocol for the terminal."""
    from rich.table import Table

    text = format_table(build_table(block, hypotheses_per_s)).reset_index()
    table = Table(
        title=f"protocol {block.name}, {block.frames} frames",
        caption="\n".join(describe_block(block)) or None,
        title_justify="left",
        caption_justify="left",
    )
    for name in text.columns:
        table.add_column(name, justify="left" if name == "category" else "right")
    for row in text.itertuples(index=False):
        table.add_row(*row, style="bold" if row[0] == MEAN else None)
    return table
