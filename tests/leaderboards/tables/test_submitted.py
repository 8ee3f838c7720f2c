"""Records stand in columns of their own, which say whose data they share."""

from pathlib import Path

from benchmark.evaluation.evaluator import evaluate
from benchmark.evaluation.protocols import Options
from leaderboards.submission.record import Metadata, Record, read_records, write_record
from leaderboards.tables.build import build_tables
from tests.leaderboards.tables.conftest import MakeRun

METADATA = Metadata(
    method="Mine",
    authors="me",
    contact="me@example.org",
    code="https://example.org",
    training_data="none",
    hardware="any",
)


def test_a_record_has_a_row_and_names_the_data_that_it_shares(
    make_run: MakeRun, tmp_path: Path
) -> None:
    run = make_run("mine", estimator="mean-pose")
    result = evaluate(run.predictions, ["strict", "genpose"], Options()).result
    record = Record(metadata=METADATA, predictions="x", checksum="y", result=result)
    write_record(tmp_path / "records" / "mine.json", record)
    records = read_records(tmp_path / "records")
    table = build_tables([1], [run], records)[0]
    assert [block.source for block in table.blocks] == ["reported", "reproduced", "submitted"]
    assert table.blocks[2].title.endswith("the data of B")
    row = next(row for row in table.rows if row.label == "Mine")
    cell = row.cells["C", "5deg_2cm"]
    assert cell.value == run.score("genpose").mean["5deg_2cm"]
    assert cell.provenance is not None
    assert (cell.provenance.source, cell.provenance.protocol) == ("submitted", "genpose/1")
    assert len(build_tables([7], [run], records)[0].blocks) == 1
