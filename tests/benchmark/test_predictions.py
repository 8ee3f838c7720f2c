"""Predictions files: round trips, joining, and refusing what is damaged."""

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmark.columns import write_text
from benchmark.errors import GenBenchError, ShardFormatError
from benchmark.predictions import (
    Predictions,
    RunInfo,
    join_files,
    join_predictions,
    read_predictions,
    read_run_info,
    write_predictions,
)

MakePredictions = Callable[..., Predictions]


def _assert_same(found: Predictions, expected: Predictions) -> None:
    for name, table in expected.tables().items():
        for column, values in table.items():
            np.testing.assert_array_equal(getattr(found.tables()[name], column), values)
    assert found.arrays().keys() == expected.arrays().keys()
    for name, values in expected.arrays().items():
        np.testing.assert_array_equal(found.arrays()[name], values)


@pytest.mark.parametrize("absent", [(), ("energies",), ("energies", "hypotheses")])
def test_predictions_survive_the_file(
    tmp_path: Path, make_predictions: MakePredictions, absent: tuple[str, ...]
) -> None:
    info = RunInfo(
        estimator="toy",
        dataset="tür",
        split="test",
        label_set="l",
        configuration={"seed": 3},
        assumptions=("metres",),
    )
    predictions = replace(make_predictions(), info=info, **dict.fromkeys(absent))
    write_predictions(tmp_path / "p.h5", predictions)
    _assert_same(read_predictions(tmp_path / "p.h5"), predictions)
    assert read_run_info(tmp_path / "p.h5") == info


def test_float64_hypotheses_of_foreign_files_keep_their_bits(
    tmp_path: Path, make_predictions: MakePredictions
) -> None:
    predictions = make_predictions()
    assert predictions.hypotheses is not None
    exact = predictions.hypotheses.astype("f8") / 3
    write_predictions(tmp_path / "p.h5", replace(predictions, hypotheses=exact))
    found = read_predictions(tmp_path / "p.h5").hypotheses
    assert found is not None
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, exact)


def test_joining_files_equals_joining_in_memory(
    tmp_path: Path, make_predictions: MakePredictions
) -> None:
    parts = [make_predictions(frames, seed=frames) for frames in (2, 0, 3)]
    paths = [tmp_path / f"{number}.h5" for number in range(len(parts))]
    for path, part in zip(paths, parts, strict=True):
        write_predictions(path, part)
    join_files(tmp_path / "whole.h5", paths, parts[0].info)
    whole = join_predictions(parts)
    _assert_same(read_predictions(tmp_path / "whole.h5"), whole)
    np.testing.assert_array_equal(whole.detections.frame, np.repeat(np.arange(5), 2))
    assert whole.frames.id[2] == parts[2].frames.id[0]


@pytest.mark.reliability
def test_joining_refuses_parts_of_another_run(
    tmp_path: Path, make_predictions: MakePredictions
) -> None:
    write_predictions(tmp_path / "a.h5", make_predictions(k=4))
    write_predictions(tmp_path / "b.h5", make_predictions(k=5))
    with pytest.raises(ShardFormatError, match=r"b\.h5"):
        join_files(
            tmp_path / "c.h5", [tmp_path / "a.h5", tmp_path / "b.h5"], make_predictions().info
        )
    assert not (tmp_path / "c.h5").exists()


@pytest.mark.reliability
def test_memory_stays_flat_however_many_parts_are_joined(
    tmp_path: Path, make_predictions: MakePredictions
) -> None:
    write_predictions(tmp_path / "part.h5", make_predictions(20, k=1000))

    def measure(count: int) -> int:
        tracemalloc.start()
        join_files(tmp_path / "c.h5", [tmp_path / "part.h5"] * count, make_predictions().info)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert measure(24) < 1.3 * measure(8)


@pytest.mark.reliability
def test_a_flipped_bit_never_changes_what_is_read(
    tmp_path: Path, make_predictions: MakePredictions
) -> None:
    path = tmp_path / "p.h5"
    predictions = make_predictions()
    write_predictions(path, predictions)
    content = path.read_bytes()
    generator = np.random.default_rng(6)
    for position in generator.integers(0, len(content), 120):
        flipped = bytearray(content)
        flipped[position] ^= 1 << int(generator.integers(8))
        path.write_bytes(flipped)
        try:
            found = read_predictions(path)
        except GenBenchError:
            continue
        _assert_same(found, predictions)


@pytest.mark.reliability
def test_truncated_newer_and_foreign_files_are_refused(
    tmp_path: Path, make_predictions: MakePredictions
) -> None:
    path = tmp_path / "p.h5"
    write_predictions(path, make_predictions())
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ShardFormatError, match=r"p\.h5"):
        read_predictions(path)
    path.write_bytes(content)
    with h5py.File(path, "r+") as file:
        file.attrs["schema_version"] = 99
    with pytest.raises(ShardFormatError, match="newer"):
        read_predictions(path)
    with h5py.File(path, "r+") as file:
        write_text(file, "format", "genbench-shard")
    with pytest.raises(ShardFormatError, match="genbench-predictions"):
        read_predictions(path)


@pytest.mark.parametrize(
    "change",
    [
        {"hypotheses": np.zeros((5, 4, 3, 4), "f4")},
        {"hypotheses": np.zeros((6, 4, 4, 4), "f4")},
        {"energies": np.zeros((6, 3, 2), "f4")},
        {"hypotheses": None},
    ],
)
def test_arrays_that_do_not_fit_the_detections_are_refused(
    tmp_path: Path, make_predictions: MakePredictions, change: dict[str, np.ndarray | None]
) -> None:
    with pytest.raises(ShardFormatError, match="predictions"):
        write_predictions(tmp_path / "p.h5", replace(make_predictions(), **change))
    assert list(tmp_path.iterdir()) == []


def test_the_description_of_a_thousand_shards_fits(
    tmp_path: Path, make_predictions: MakePredictions
) -> None:
    fingerprints = {f"shard:test-real-{number:03d}": "a" * 64 for number in range(1000)}
    info = replace(make_predictions().info, fingerprints=fingerprints)
    write_predictions(tmp_path / "p.h5", replace(make_predictions(), info=info))
    assert read_run_info(tmp_path / "p.h5").fingerprints == fingerprints
