"""Frames into shards: all of them, in order, evenly, in as few parts as the limit allows."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from preprocess.partition import find_surplus, name_shard, partition


@given(count=st.integers(0, 2000), size=st.integers(1, 300))
def test_parts_are_even_few_and_complete(count: int, size: int) -> None:
    parts = partition(range(count), size)
    lengths = [len(part) for part in parts]
    assert [item for part in parts for item in part] == list(range(count))
    assert len(parts) == -(-count // size)
    assert max(lengths, default=0) <= size
    assert max(lengths, default=0) - min(lengths, default=0) <= 1


def test_only_shards_beyond_the_plan_are_surplus(tmp_path: Path) -> None:
    for name in (
        "test-real-0000.h5",
        "test-real-0001.h5",
        "test-real-0002.h5",
        "val-camera-0007.h5",
    ):
        (tmp_path / name).touch()
    assert [path.name for path in find_surplus(tmp_path, "test", "real", 1)] == [
        "test-real-0001.h5",
        "test-real-0002.h5",
    ]
    assert name_shard("test", "real", 1) == "test-real-0001.h5"
