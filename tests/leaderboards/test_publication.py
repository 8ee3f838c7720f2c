"""What is published is compared number by number; drift is named, and ends with exit code 3."""

import csv
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmark.cli import publish
from benchmark.cli.main import COMMANDS, main
from leaderboards.publication import compare_published, get_tolerance, read_numbers
from leaderboards.tables.build import build_tables
from leaderboards.tables.files import write_tables
from tests.leaderboards.tables.conftest import MakeRun, make_run

__all__ = ["make_run"]


@pytest.fixture
def committed(make_run: MakeRun, tmp_path: Path) -> Path:
    """Return a folder with all tables of one run, which tracks as well."""
    drawn = {"hypotheses": 100, "degree": 30.0, "cm": 10.0}
    runs = [
        make_run("all", made=drawn),
        make_run("tracked", tracking={"t0": 0.15}, environment={"frames_per_second": 10.0}),
    ]
    write_tables(tmp_path / "committed", build_tables([1, 4, 6], runs))
    return tmp_path / "committed"


def edit(folder: Path, table: int, row: str, column: str, change: float, nth: int = 0) -> Path:
    """Copy a folder with one reproduced number changed."""
    copy = folder.parent / "made"
    copy.mkdir(exist_ok=True)
    for path in folder.glob("table_*.csv"):
        with path.open(newline="") as handle:
            lines = list(csv.DictReader(handle))
        if path.stem == f"table_{table}":
            found = [
                line
                for line in lines
                if (line["row"], line["column"], line["source"]) == (row, column, "reproduced")
            ]
            found[nth]["value"] = str(float(found[nth]["value"]) + change)
        with (copy / path.name).open("w", newline="") as handle:
            writer = csv.DictWriter(handle, list(lines[0]))
            writer.writeheader()
            writer.writerows(lines)
    return copy


def test_what_was_just_written_agrees(committed: Path) -> None:
    assert compare_published(committed, committed) == []
    assert len(read_numbers(committed)) > 100


@pytest.mark.parametrize(
    ("table", "row", "column", "within", "beyond"),
    [
        (1, "Ours", "5deg_2cm", 0.5, 0.7),
        (4, "mug", "genpose 5deg_2cm", -3.9, -4.1),
        (6, "Ours", "mean_rotation_error_deg", 0.04, 1.0),
    ],
)
def test_each_kind_of_number_has_its_tolerance(
    committed: Path, table: int, row: str, column: str, within: float, beyond: float
) -> None:
    assert compare_published(committed, edit(committed, table, row, column, within)) == []
    (found,) = compare_published(committed, edit(committed, table, row, column, beyond))
    assert f"table_{table}.csv" in found.describe()
    assert column in found.place
    assert row in found.place


def test_speeds_are_not_compared(committed: Path) -> None:
    assert compare_published(committed, edit(committed, 6, "Ours", "fps", 99.0)) == []


def test_reported_numbers_have_no_tolerance() -> None:
    assert get_tolerance("table_1.csv Deterministic | SPD | reported | REAL275 | 5deg_2cm") == 0.0


def test_a_row_that_is_gone_is_told(committed: Path) -> None:
    made = edit(committed, 1, "Ours", "5deg_2cm", 0.0)
    text = (made / "table_1.csv").read_text().splitlines()
    kept = [line for line in text if "Ours(K=10)" not in line]
    (made / "table_1.csv").write_text("\n".join(kept) + "\n")
    assert any("Ours(K=10)" in deviation.place for deviation in compare_published(committed, made))


def test_claims_are_compared_with_their_intervals(tmp_path: Path) -> None:
    header = "claim,data,verdict,measure,value,low,high,claimed,unit,measure_verdict,runs,reason\n"
    for name, low in (("committed", 1.0), ("near", 3.0), ("far", 6.0)):
        (tmp_path / name).mkdir()
        line = f"some-claim,toy,holds,gain,10.0,{low},20.0,above 0,points,holds,run,\n"
        (tmp_path / name / "claims.csv").write_text(header + line)
    assert compare_published(tmp_path / "committed", tmp_path / "near") == []
    (found,) = compare_published(tmp_path / "committed", tmp_path / "far")
    assert "some-claim" in found.place
    assert found.place.endswith("low")


def publish_with(
    monkeypatch: pytest.MonkeyPatch, made: Path, *arguments: object
) -> tuple[int, str]:
    """Run genbench publish where making the runs takes no time."""

    def regenerate(work: Path, target: Path) -> None:  # noqa: ARG001 - as the real one
        publish.replace_folder(target, made)

    monkeypatch.setattr(publish, "regenerate", regenerate)
    done = CliRunner().invoke(main, ["publish", *map(str, arguments)])
    return done.exit_code, done.output


def test_drift_ends_with_exit_code_3_and_a_readable_difference(
    committed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = edit(committed, 1, "Ours", "5deg_2cm", 5.0)
    places = ("--out", committed, "--work", tmp_path / "work")
    assert publish_with(monkeypatch, committed, *places)[0] == 0
    code, output = publish_with(monkeypatch, made, *places)
    assert code == 3
    assert "Ours | reproduced" in output
    assert "tolerance 0.6" in output


def test_update_takes_the_new_numbers_over(
    committed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = edit(committed, 1, "Ours", "5deg_2cm", 5.0)
    places = ("--out", committed, "--work", tmp_path / "work")
    assert publish_with(monkeypatch, made, *places, "--update")[0] == 0
    assert compare_published(committed, made) == []


def test_every_step_is_a_command_with_known_options() -> None:
    for step in (*publish.STEPS, *publish.RESULTS):
        name, *rest = step.split()
        assert name in COMMANDS
        done = CliRunner().invoke(main, [name, "--help"])
        assert [part for part in rest if part.startswith("--") and part not in done.output] == []
