"""Records reproduce, and whatever was changed in them, or in what they speak of, is refused."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from benchmark.cli.main import main
from benchmark.errors import ConfigError, DataFormatError
from benchmark.predictions import read_predictions, write_predictions
from benchmark.shards import Objects, Shard, ShardInfo, write_shard
from leaderboards.submission.record import read_metadata, read_record
from tests.evaluation.conftest import make_predictions

METADATA = {
    "method": "My method, 2nd",
    "authors": "A. and B.",
    "contact": "a@example.org",
    "code": "https://example.org/code",
    "training-data": "CAMERA train",
    "hardware": "2 cores",
}


def call(*arguments: object) -> tuple[int, str]:
    """Run a command; return its exit code and what it printed."""
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return done.exit_code, done.output


def give(metadata: dict[str, str]) -> list[str]:
    """Return metadata as options."""
    return [part for name, value in metadata.items() for part in (f"--{name}", value)]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return a run folder."""
    predictions = make_predictions(4, degree=5.0, cm=2.0, hypotheses=5)
    write_predictions(tmp_path / "run" / "predictions.h5", predictions)
    return tmp_path / "run"


@pytest.fixture
def record(run: Path, tmp_path: Path) -> Path:
    """Return a record of that run."""
    code, output = call("submit", run, "--out", tmp_path / "records", *give(METADATA))
    assert code == 0, output
    return tmp_path / "records" / "my-method--2nd.json"


def verify(record: Path, *options: object) -> tuple[int, str]:
    """Check a record with the predictions of the fixture `run`."""
    predictions = record.parent.parent / "run" / "predictions.h5"
    return call("verify", record, "--predictions", predictions, *options)


def edit(path: Path, change: Any) -> None:
    """Change the record's document."""
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_a_record_reproduces(record: Path) -> None:
    code, output = verify(record)
    assert code == 0, output
    assert "genpose/1, strict/1" in output


def test_a_record_names_predictions_relative_to_itself(record: Path) -> None:
    assert read_record(record).predictions == "../run/predictions.h5"


def test_predictions_below_the_record_are_found(run: Path, tmp_path: Path) -> None:
    assert call("submit", run, "--out", tmp_path / "me.json", *give(METADATA))[0] == 0
    assert read_record(tmp_path / "me.json").predictions == "run/predictions.h5"
    code, output = call("verify", tmp_path / "me.json")
    assert code == 0, output


def test_predictions_elsewhere_must_be_named(record: Path) -> None:
    code, output = call("verify", record)
    assert code == 2
    assert "--predictions" in output


def test_a_better_number_is_refused(record: Path) -> None:
    def improve(document: dict[str, Any]) -> None:
        document["result"]["protocols"]["strict"]["mean"]["5deg_2cm"] += 0.1

    edit(record, improve)
    code, output = verify(record)
    assert code == 3
    assert "strict/1 mean 5deg_2cm" in output


def test_a_number_of_one_category_is_checked_too(record: Path) -> None:
    def improve(document: dict[str, Any]) -> None:
        document["result"]["protocols"]["genpose"]["categories"][2]["metrics"]["median_deg"] -= 0.1

    edit(record, improve)
    assert verify(record)[0] == 3


def test_other_predictions_are_refused(record: Path, run: Path) -> None:
    path = run / "predictions.h5"
    predictions = read_predictions(path)
    energies = np.array(predictions.energies)
    energies[0, 0, 0] += 1.0
    write_predictions(run / "new.h5", replace(predictions, energies=energies))
    code, output = call("verify", record, "--predictions", run / "new.h5")
    assert code == 3
    assert "other predictions" in output


def test_other_provenance_is_refused(record: Path) -> None:
    def rename(document: dict[str, Any]) -> None:
        document["result"]["run"]["dataset"] = "REAL275"

    edit(record, rename)
    assert verify(record)[0] == 3


def test_numbers_of_an_older_protocol_are_refused(record: Path) -> None:
    def age(document: dict[str, Any]) -> None:
        document["result"]["protocols"]["genpose"]["version"] = 0

    edit(record, age)
    code, output = verify(record)
    assert code == 3
    assert "genpose/0" in output


@pytest.mark.parametrize("name", ["method", "authors", "contact", "training-data", "hardware"])
def test_metadata_is_required(run: Path, tmp_path: Path, name: str) -> None:
    given = {key: value for key, value in METADATA.items() if key != name}
    code, output = call("submit", run, "--out", tmp_path, *give(given))
    assert code == 2
    assert name.replace("-", "_") in output


def test_one_of_the_links_is_required(run: Path, tmp_path: Path) -> None:
    given = {key: value for key, value in METADATA.items() if key != "code"}
    assert "paper or code" in call("submit", run, "--out", tmp_path, *give(given))[1]
    given["paper"] = "https://example.org/paper"
    assert call("submit", run, "--out", tmp_path, *give(given))[0] == 0


def test_metadata_comes_from_files_and_options_go_before(tmp_path: Path) -> None:
    path = tmp_path / "me.toml"
    lines = [f'{key.replace("-", "_")} = "{value}"' for key, value in METADATA.items()]
    path.write_text("\n".join(lines))
    metadata = read_metadata(path, {"method": "Other", "paper": None})
    assert (metadata.method, metadata.authors) == ("Other", METADATA["authors"])
    path.write_text('metod = "typo"')
    with pytest.raises(ConfigError, match="unknown metod"):
        read_metadata(path, {})
    path.write_text("= nonsense")
    with pytest.raises(DataFormatError):
        read_metadata(path, {})


def test_partial_runs_cannot_be_submitted(tmp_path: Path) -> None:
    predictions = make_predictions(4)
    info = replace(predictions.info, configuration={"limit": 4})
    write_predictions(tmp_path / "cut" / "predictions.h5", replace(predictions, info=info))
    code, output = call("submit", tmp_path / "cut", "--out", tmp_path, *give(METADATA))
    assert code == 2
    assert "partial" in output


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "other", "schema_version": 1}'])
def test_what_is_no_record_is_an_input_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "record.json"
    path.write_text(text)
    assert call("verify", path)[0] == 2


def test_ground_truth_is_checked_against_the_shards(
    record: Path, run: Path, tmp_path: Path
) -> None:
    predictions = read_predictions(run / "predictions.h5")
    shard = Shard(
        info=ShardInfo(dataset="synth", source="real", split="test", label_set="spd"),
        frames=predictions.frames,
        ground_truth=predictions.ground_truth,
        detections=predictions.detections,
        objects=Objects.empty(),
    )
    write_shard(tmp_path / "true" / "test-real-0000.h5", shard)
    code, output = verify(record, "--shards", tmp_path / "true")
    assert code == 0, output
    assert "ground truth checked" in output
    turned = np.array(shard.ground_truth.transform)
    turned[0, :3, 3] += 0.01
    other = replace(shard, ground_truth=replace(shard.ground_truth, transform=turned))
    write_shard(tmp_path / "other" / "test-real-0000.h5", other)
    code, output = verify(record, "--shards", tmp_path / "other")
    assert code == 3
    assert "ground truth" in output
