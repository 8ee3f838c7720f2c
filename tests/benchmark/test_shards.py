"""Shards: what is written is read back, and nothing damaged or foreign is."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmark.columns import write_text
from benchmark.errors import GenBenchError, ShardFormatError
from benchmark.shards import (
    Shard,
    find_shards,
    read_fingerprint,
    read_shard,
    take_frames,
    write_shard,
)

MakeShard = Callable[..., Shard]


def test_a_shard_survives_the_file(tmp_path: Path, make_shard: MakeShard) -> None:
    shard = make_shard()
    checksum = write_shard(tmp_path / "test-real-000.h5", shard)
    found = read_shard(tmp_path / "test-real-000.h5")
    assert found.info == shard.info
    assert read_fingerprint(tmp_path / "test-real-000.h5") == checksum
    for name, table in shard.tables().items():
        for column, values in table.items():
            np.testing.assert_array_equal(
                getattr(found.tables()[name], column), values, err_msg=f"{name}/{column}"
            )


def test_clouds_stay_on_disk(tmp_path: Path, make_shard: MakeShard) -> None:
    write_shard(tmp_path / "s.h5", make_shard())
    points = read_shard(tmp_path / "s.h5").objects.points
    assert isinstance(points, np.memmap)
    assert not points.flags.writeable


def test_the_same_shard_is_the_same_bytes(tmp_path: Path, make_shard: MakeShard) -> None:
    for name in ("a.h5", "b.h5"):
        write_shard(tmp_path / name, make_shard())
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


@pytest.mark.reliability
@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_shard_is_refused(tmp_path: Path, make_shard: MakeShard, kept: float) -> None:
    path = tmp_path / "s.h5"
    write_shard(path, make_shard())
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ShardFormatError, match=r"s\.h5"):
        read_shard(path)


@pytest.mark.reliability
def test_a_flipped_bit_never_changes_what_is_read(tmp_path: Path, make_shard: MakeShard) -> None:
    path = tmp_path / "s.h5"
    shard = make_shard()
    write_shard(path, shard)
    content = bytearray(path.read_bytes())
    generator = np.random.default_rng(5)
    for position in generator.integers(0, len(content), 60):
        flipped = bytearray(content)
        flipped[position] ^= 1 << int(generator.integers(8))
        path.write_bytes(flipped)
        try:
            found = read_shard(path)
        except GenBenchError:
            continue
        for name, table in shard.tables().items():
            for column, values in table.items():
                np.testing.assert_array_equal(getattr(found.tables()[name], column), values)


@pytest.mark.reliability
def test_a_shard_of_a_newer_schema_says_to_update(tmp_path: Path, make_shard: MakeShard) -> None:
    write_shard(tmp_path / "s.h5", make_shard())
    with h5py.File(tmp_path / "s.h5", "r+") as file:
        file.attrs["schema_version"] = 99
    with pytest.raises(ShardFormatError, match=r"schema 99 is newer.*update genbench"):
        read_shard(tmp_path / "s.h5")


@pytest.mark.reliability
def test_foreign_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.h5").write_text("not HDF5")
    h5py.File(tmp_path / "other.h5", "w").close()
    for name, message in [
        ("text.h5", "truncated"),
        ("other.h5", "genbench-shard"),
        ("no.h5", "no such"),
    ]:
        with pytest.raises(ShardFormatError, match=message):
            read_shard(tmp_path / name)


@pytest.mark.reliability
@pytest.mark.parametrize("info", ["{}", "[1]", "not json", json.dumps({"dataset": "x", "new": 1})])
def test_a_damaged_description_is_refused(tmp_path: Path, make_shard: MakeShard, info: str) -> None:
    write_shard(tmp_path / "s.h5", make_shard())
    with h5py.File(tmp_path / "s.h5", "r+") as file:
        write_text(file, "info", info)
    with pytest.raises(ShardFormatError, match=r"s\.h5: truncated or damaged"):
        read_shard(tmp_path / "s.h5")


@pytest.mark.reliability
def test_a_link_to_another_file_is_not_followed(tmp_path: Path, make_shard: MakeShard) -> None:
    write_shard(tmp_path / "a.h5", make_shard())
    write_shard(tmp_path / "b.h5", make_shard())
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        del file["objects/points"]
        file["objects/points"] = h5py.ExternalLink("b.h5", "/objects/points")
    with pytest.raises(ShardFormatError, match="is a link"):
        read_shard(tmp_path / "a.h5")


@pytest.mark.parametrize(
    ("table", "column", "row"),
    [
        ("detections", "frame", 3),
        ("ground_truth", "frame", -1),
        ("objects", "frame", 3),
        ("objects", "detection", 6),
        ("objects", "detection", -2),
        ("objects", "ground_truth", 6),
    ],
)
def test_a_row_reference_outside_its_table_is_refused(
    tmp_path: Path, make_shard: MakeShard, table: str, column: str, row: int
) -> None:
    shard = make_shard()
    rows = getattr(shard.tables()[table], column).copy()
    rows[0] = row
    broken = replace(shard, **{table: replace(shard.tables()[table], **{column: rows})})
    with pytest.raises(ShardFormatError, match=rf"{table}\.{column} points outside"):
        write_shard(tmp_path / "s.h5", broken)
    assert list(tmp_path.iterdir()) == []


def test_shards_are_found_by_split_and_read_in_name_order(
    tmp_path: Path, make_shard: MakeShard
) -> None:
    for name in ("test-real-001", "test-real-000", "val-camera-000"):
        write_shard(tmp_path / f"{name}.h5", make_shard(scene=name))
    (tmp_path / "notes.h5").touch()
    scenes = [read_shard(path).frames.scene[0] for path in find_shards(tmp_path, split="test")]
    assert scenes == ["Real/test/test-real-000", "Real/test/test-real-001"]
    assert len(find_shards(tmp_path)) == 3


def test_a_folder_without_shards_says_what_to_run(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(ShardFormatError, match=r"genbench prepare"):
            find_shards(folder)


def test_taking_frames_keeps_what_belongs_to_them(make_shard: MakeShard) -> None:
    shard = make_shard(4)
    order = np.array([3, 1, 0, 2, 2, 0, 3, 1])  # as where a detector's file is not in frame order
    shuffled = replace(
        shard,
        detections=replace(shard.detections, frame=order, confidence=np.arange(8)),
        objects=replace(shard.objects, frame=order[:7]),
    )
    taken = take_frames(shuffled, 2)
    assert taken.frames.id.tolist() == shard.frames.id[:2].tolist()
    np.testing.assert_array_equal(taken.detections.confidence, [1, 2, 5, 7])
    np.testing.assert_array_equal(taken.objects.detection, [0, 1, 2])
    np.testing.assert_array_equal(taken.objects.points, shuffled.objects.points[[1, 2, 5]])
    np.testing.assert_array_equal(taken.detections.frame[taken.objects.detection], [1, 0, 0])


def test_taking_frames_of_own_data_keeps_that_nothing_is_annotated(make_shard: MakeShard) -> None:
    shard = make_shard(3)
    own = replace(
        shard,
        ground_truth=type(shard.ground_truth).empty(),
        objects=replace(shard.objects, ground_truth=np.full(len(shard.objects), -1)),
    )
    taken = take_frames(own, 1)
    np.testing.assert_array_equal(taken.objects.ground_truth, [-1, -1])
