"""Tables 4 to 6: numbers that stand beside each other because their runs belong together."""

import pytest

from leaderboards.runs import Run
from leaderboards.tables.build import build_tables
from leaderboards.tables.model import ResultTable, Row
from tests.leaderboards.tables.conftest import MakeRun

DRAWN = {"hypotheses": 20, "degree": 20.0, "cm": 8.0}


def build(number: int, *runs: Run) -> ResultTable:
    """Return one table."""
    return build_tables([number], runs)[0]


def get_row(table: ResultTable, label: str, group: str) -> Row:
    """Return a row by its label and heading."""
    return next(row for row in table.rows if (row.label, row.group) == (label, group))


def get_category(run: Run, category: str, metric: str, protocol: str = "genpose") -> float:
    """Return a number of one category."""
    found = next(item for item in run.score(protocol).categories if item.category == category)
    return found.metrics[metric]


@pytest.fixture
def twins(make_run: MakeRun) -> tuple[Run, ...]:
    """Return GenPose with either budget, and the regression twin with either loss."""
    regressed = {"degree": 5.0, "cm": 2.0}
    return (
        make_run("full", made=DRAWN, weights="compact"),
        make_run("short", made=DRAWN | {"seed": 1}, weights="compact-short"),
        make_run("twin", estimator="regression", made=regressed, symmetry="handled"),
        make_run("blind", estimator="regression", made=regressed | {"seed": 2}, symmetry="ignored"),
    )


def test_table_4_sets_genpose_beside_its_twin(twins: tuple[Run, ...]) -> None:
    table = build(4, *twins)
    columns = ("genpose", "genpose-short", "regression", "regression-ignoring")
    for metric in ("5deg_2cm", "5deg_5cm"):
        cells = get_row(table, "mug", table.rows[-1].group).cells
        for column, run in zip(columns, twins, strict=True):
            assert cells["B", f"{column} {metric}"].value == get_category(run, "mug", metric)


def test_table_4_averages_its_groups_and_takes_gains_at_equal_budget(
    twins: tuple[Run, ...],
) -> None:
    _, short, twin, _ = twins
    cells = get_row(build(4, *twins), "average", "symmetric").cells
    means = [
        sum(get_category(run, name, "5deg_2cm") for name in ("bottle", "bowl", "can")) / 3
        for run in (short, twin)
    ]
    assert cells["B", "genpose-short 5deg_2cm"].value == pytest.approx(means[0])
    assert cells["B", "gain 5deg_2cm"].value == pytest.approx(means[0] - means[1])


def test_table_4_has_no_average_without_all_categories_of_the_group(make_run: MakeRun) -> None:
    table = build(4, make_run("no-bowls", made=DRAWN, weights="compact", without="bowl"))
    assert get_row(table, "average", "symmetric").cells["B", "genpose 5deg_2cm"].value is None
    assert get_row(table, "can", "symmetric").cells["B", "genpose 5deg_2cm"].value is not None
    assert any("no-bowls has no instances of bowl" in line for line in table.missing)
    assert any("no run of regression" in line for line in table.missing)


def test_table_5_compares_weights_of_one_budget(make_run: MakeRun) -> None:
    full = make_run("full", made=DRAWN, weights="compact")
    short = make_run("short", made=DRAWN | {"seed": 1}, weights="compact-short")
    unseen = make_run(
        "unseen",
        made=DRAWN | {"seed": 2},
        weights="compact-short-without-bowl",
        holdout="bowl",
    )
    table = build(5, full, short, unseen)
    cells = get_row(table, "Ours", "bowl").cells
    for metric in ("5deg_2cm", "10deg_5cm"):
        assert cells["B", f"{metric} seen"].value == get_category(short, "bowl", metric)
        assert cells["B", f"{metric} unseen"].value == get_category(unseen, "bowl", metric)
    assert any("full" in note for note in table.notes)
    alone = build(5, full, unseen)
    assert get_row(alone, "Ours", "bowl").cells["B", "5deg_2cm seen"].value is None
    assert any("no run of weights compact-short, which saw bowl" in x for x in alone.missing)
    assert any("--holdout can" in line for line in alone.missing)


def test_imported_tracks_are_compared_with_tracks(make_run: MakeRun) -> None:
    run = make_run("official", estimator="captra", form="p5")
    table = build(6, run)
    cell = get_row(table, "CAPTRA", "").cells["B", "mean_rotation_error_deg"]
    assert cell.value == run.score("tracking-genpose").mean["mean_deg"]
    assert [block.source for block in build(1, run).blocks] == ["reported"]


def test_table_6_gives_each_way_of_tracking_a_row(make_run: MakeRun) -> None:
    released = make_run(
        "released",
        made=DRAWN,
        tracking={"t0": 0.15, "policy": "reinitialise"},
        environment={"frames_per_second": 12.345},
    )
    other = make_run("paper-t0", made=DRAWN, tracking={"t0": 0.1, "policy": "reinitialise"})
    icp = make_run("icp", estimator="oracle-icp", tracking={"policy": "reinitialise"})
    table = build(6, released, other, icp)
    rows = [row for row in table.rows if row.cells.get(("B", "5deg_5cm"))]
    found = {
        cell.provenance.run: cell.value
        for row in rows
        if (cell := row.cells["B", "mean_rotation_error_deg"]).provenance
    }
    for run in (released, other, icp):
        assert found[run.name] == run.score("tracking-genpose").mean["mean_deg"]
    speeds = {row.cells["B", "fps"].text for row in rows}
    assert "12.35" in speeds or "12.34" in speeds
    assert len(table.rows) == 7
