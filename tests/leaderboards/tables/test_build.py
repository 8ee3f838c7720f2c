"""Laws of every table: nothing disappears, nothing is mixed, nothing partial is averaged."""

import csv
import io
from pathlib import Path

import pytest

from benchmark.evaluation.instances import METRIC_NAMES
from benchmark.evaluation.protocols import Options
from leaderboards.reported_tables import TABLES, read_reported_table
from leaderboards.runs import find_runs
from leaderboards.tables.build import build_tables
from leaderboards.tables.files import (
    FIELDS,
    RUN_FIELDS,
    format_csv,
    format_markdown,
    format_runs,
    render_tables,
)
from leaderboards.tables.model import ResultTable, Row
from tests.leaderboards.tables.conftest import MakeRun

K100 = {"hypotheses": 100, "degree": 30.0, "cm": 10.0}


def build(number: int, *runs: object) -> ResultTable:
    """Return one table."""
    return build_tables([number], runs)[0]  # type: ignore[arg-type]


def get_row(table: ResultTable, label: str, **attributes: str) -> Row:
    """Return the row of this label (and attributes)."""
    found = [
        row
        for row in table.rows
        if row.label == label and attributes.items() <= row.attributes.items()
    ]
    assert len(found) == 1, label
    return found[0]


def get_values(table: ResultTable, label: str, letter: str = "B") -> list[float | None]:
    """Return a row's numbers in one block."""
    block = next(block for block in table.blocks if block.letter == letter)
    row = get_row(table, label)
    return [row.get(block, column).value for column in block.columns]


@pytest.mark.parametrize("number", TABLES)
def test_without_runs_every_row_stands_as_printed(number: int) -> None:
    reported, table = read_reported_table(number), build(number)
    for row in reported.rows:
        match = next(
            item
            for item in table.rows
            if (item.label, item.group) == (row.label, row.group)
            and all(
                item.cells["A", column].text == ("" if value is None else str(value))
                for column, value in row.values.items()
                if ("A", column) in item.cells
            )
        )
        assert match
    assert any("nothing was run" in line for line in table.missing)


def test_the_misprint_is_printed_verbatim_with_its_footnote() -> None:
    text = format_markdown(build(4))
    line = next(line for line in text.splitlines() if "32.2" in line)
    assert line.startswith("| average")
    mark = line.partition("32.2 [")[2].partition("]")[0]
    assert f"- [{mark}] A misprint" in text


def test_a_run_answers_its_row_and_no_row_is_lost(make_run: MakeRun) -> None:
    run = make_run("all", made=K100)
    table = build(1, run)
    expected = run.score("genpose", Options(hypotheses=50, keep=0.6)).mean
    assert get_values(table, "Ours")[:4] == [expected[name] for name in METRIC_NAMES]
    for row in read_reported_table(1).rows:
        assert get_row(table, row.label)
    assert any(line.startswith("B NOCS, CASS") and "no run" in line for line in table.missing)


def test_bounds_are_the_nearest_of_the_first_drawn_apart_and_joint(make_run: MakeRun) -> None:
    run = make_run("all", made=K100)
    table = build(1, run)
    for drawn in (10, 50):
        for label, oracle in (
            (f"Ours(K={drawn})", "separate"),
            (f"Ours(K={drawn}), joint", "joint"),
        ):
            options = Options(hypotheses=drawn, keep=1.0, pooling="nearest", oracle=oracle)  # type: ignore[arg-type]
            expected = run.score("genpose", options).mean
            assert get_values(table, label)[:4] == [expected[name] for name in METRIC_NAMES]


def test_partial_runs_leave_cells_empty_and_say_so(make_run: MakeRun) -> None:
    table = build(1, make_run("cut", made=K100, limit=3))
    assert get_values(table, "Ours") == [None] * 5
    assert any("Ours" in line and "cut is partial: its first 3" in line for line in table.missing)


def test_nothing_is_averaged_over_the_categories_that_are_there(make_run: MakeRun) -> None:
    table = build(1, make_run("no-mugs", made=K100, without="mug"))
    assert get_values(table, "Ours")[:4] == [None] * 4
    assert any("no instances of mug" in line for line in table.missing)


def test_complete_runs_go_before_partial_ones_which_keep_a_row(make_run: MakeRun) -> None:
    table = build(1, make_run("a-cut", made=K100, limit=3), make_run("whole", made=K100))
    assert None not in get_values(table, "Ours")[:4]
    assert get_row(table, "genpose, K = 100 (run a-cut)")


def test_runs_of_other_detections_stand_in_other_columns(make_run: MakeRun) -> None:
    one = make_run("one", made=K100)
    other = make_run("other", made=K100 | {"seed": 1}, detections="f" * 64)
    table = build(1, one, other)
    assert [block.source for block in table.blocks] == ["reported", "reproduced", "reproduced"]
    assert get_values(table, "Ours", "B") != get_values(table, "Ours", "C")
    assert "dddddddd" in table.blocks[1].title
    assert "ffffffff" in table.blocks[2].title
    assert any("A, B, C are different data" in note for note in table.notes)


def test_imported_runs_stand_in_their_own_columns_under_their_own_protocol(
    make_run: MakeRun,
) -> None:
    run = make_run("official", estimator="spd", form="p1")
    table = build(1, run, make_run("all", made=K100))
    assert [block.source for block in table.blocks] == ["reported", "imported", "reproduced"]
    expected = run.score("nocs").mean
    assert get_values(table, "SPD")[:4] == [expected[name] for name in METRIC_NAMES]
    cell = get_row(table, "SPD").cells["B", METRIC_NAMES[0]]
    assert cell.provenance is not None
    assert cell.provenance.protocol == "nocs/1"


def test_imports_with_different_detections_are_named(make_run: MakeRun) -> None:
    runs = [
        make_run("first", estimator="spd", form="p1"),
        make_run("second", estimator="sgpa", form="p1", detections="f" * 64),
    ]
    assert any("2 detection sets" in note for note in build(1, *runs).notes)


def test_methods_that_the_paper_lacks_get_rows_of_their_own(make_run: MakeRun) -> None:
    table = build(1, make_run("floor", estimator="mean-pose"))
    assert None not in get_values(table, "mean-pose (run floor)")[:4]


def test_validation_runs_fill_table_7_alone(make_run: MakeRun) -> None:
    run = make_run("camera", made=K100, split="val")
    assert None not in get_values(build(7, run), "Ours")[:4]
    assert len(build(1, run).blocks) == 1


def test_held_out_and_tracked_runs_stay_out_of_the_comparison(make_run: MakeRun) -> None:
    runs = [
        make_run("unseen", made=K100, holdout="bowl"),
        make_run("tracked", made=K100, tracking={"policy": "coast"}),
    ]
    assert len(build(1, *runs).blocks) == 1


def test_parameters_are_read_off_the_cards_by_fingerprint(make_run: MakeRun) -> None:
    import json

    path = Path("benchmark/diffusion/weights/compact/card.json")
    networks = json.loads(path.read_text())["networks"]
    prints = {f"weights:{name}": item["sha256"] for name, item in networks.items()}
    table = build(1, make_run("all", made=K100, fingerprints=prints))
    total = sum(item["parameters"] for item in networks.values()) / 1e6
    assert get_values(table, "Ours")[4] == total
    assert get_values(table, "Ours(K=50)")[4] == networks["score"]["parameters"] / 1e6
    unknown = build(1, make_run("own", made=K100, fingerprints={"weights:score": "0" * 64}))
    assert get_values(unknown, "Ours")[4] is None


def test_table_2_is_one_run_scored_with_options(make_run: MakeRun) -> None:
    run = make_run("all", made=K100)
    table = build(2, run)
    for drawn in (10, 50, 100):
        expected = [
            run.score("genpose", Options(hypotheses=drawn, keep=keep)).mean["10deg_2cm"]
            for keep in (0.2, 0.4, 0.6, 0.8, 1.0)
        ]
        assert get_values(table, str(drawn)) == expected
    assert {cell.provenance.run for *_, cell in table.iterate_cells() if cell.provenance} == {
        "",
        "all",
    }


def test_table_2_refuses_sorted_imports(make_run: MakeRun) -> None:
    run = make_run("sorted", made=K100, form="p4", draw_order=False)
    table = build(2, run)
    assert get_values(table, "10") == [None] * 5
    assert None not in get_values(table, "100")
    assert any(
        line.startswith("B 10, 50:") and "holds its hypotheses sorted" in line
        for line in table.missing
    )


def test_table_2_says_which_rows_lack_hypotheses(make_run: MakeRun) -> None:
    table = build(2, make_run("few", made=K100 | {"hypotheses": 50}))
    assert None not in get_values(table, "50")
    assert "B 100: few has 50 hypotheses, 100 are needed" in table.missing


def test_table_3_ranks_the_same_hypotheses_in_every_way(make_run: MakeRun) -> None:
    run = make_run("all", made=K100)
    table = build(3, run)
    rows = [row for row in table.rows if row.label in ("Random", "Energy", "GT(upper bound)")]
    options = [
        Options(hypotheses=1),
        *(Options(hypotheses=50, keep=0.6, ranker=name) for name in ("random", "energy", "gt")),
    ]
    for row, choice in zip(rows, options, strict=True):
        expected = run.score("genpose", choice).mean
        for name in METRIC_NAMES:
            assert row.cells["B", name].value == expected[name]


def test_csv_says_everything_about_every_number(make_run: MakeRun) -> None:
    run = make_run("all", made=K100, weights="compact", preset="compact")
    table = build(1, run)
    lines = list(csv.DictReader(io.StringIO(format_csv(table))))
    assert set(lines[0]) == set(FIELDS)
    ours = [line for line in lines if line["row"] == "Ours" and line["source"] == "reproduced"]
    assert [line["protocol"] for line in ours] == ["genpose/1"] * 4
    assert {line["weights"] for line in ours} == {"compact"}
    assert '"keep": 0.6' in ours[0]["options"]
    assert ours[0]["detections"] == "d" * 12
    (line,) = csv.DictReader(io.StringIO(format_runs([table])))
    assert (line["run"], set(line)) == ("all", set(RUN_FIELDS))
    assert "d" * 64 in line["fingerprints"]
    assert '"seed": 0' in line["configuration"]
    printed = [line for line in lines if line["source"] == "reported"]
    assert len(printed) == 15 * 5


def test_every_cell_of_markdown_has_a_legend(make_run: MakeRun) -> None:
    text = format_markdown(build(1, make_run("all", made=K100)))
    assert "- c: reproduced, protocol genpose/1, run all, seed 0" in text
    ours = next(line for line in text.splitlines() if line.startswith("| Ours [")).split("|")
    assert [ours[4].strip(), ours[10].strip()] == ["b", "c"]


def test_the_terminal_shows_each_block_beside_the_paper(make_run: MakeRun) -> None:
    runs = [make_run("one", made=K100), make_run("two", made=K100, detections="f" * 64)]
    shown = render_tables(build(1, *runs))
    assert [len(table.columns) for table in shown] == [15, 15]


def test_unfinished_runs_are_named(tmp_path: Path) -> None:
    (tmp_path / "stopped" / "parts").mkdir(parents=True)
    found = find_runs(tmp_path)
    assert found.found == ()
    assert "stopped" in found.left_out[0]
    assert "not finished" in found.left_out[0]
