"""Frames into shards: the same frames always fall into the same shards."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from benchmark.shards import Split

FRAMES_PER_SHARD = 200
"""About 1,000 objects, 12 MB: large enough to read in one go, small enough to build in seconds."""

Item = TypeVar("Item")


def partition(items: Sequence[Item], size: int = FRAMES_PER_SHARD) -> list[tuple[Item, ...]]:
    """Divide items, in order, into as few parts of at most `size` as possible, equally long.

    Lengths differ by one at most, so that workers finish together.
    """
    count = -(-len(items) // size)
    bounds = [part * len(items) // count for part in range(count)] + [len(items)] if count else []
    return [tuple(items[start:end]) for start, end in pairwise(bounds)]


def name_shard(split: Split, source: str, number: int) -> str:
    """Return the file name of a shard."""
    return f"{split}-{source}-{number:04d}.h5"


def find_surplus(folder: Path, split: Split, source: str, count: int) -> list[Path]:
    """Return the shards of an earlier, longer preparation: those numbered `count` and above."""
    expected = {name_shard(split, source, number) for number in range(count)}
    found = sorted(folder.glob(f"{split}-{source}-[0-9]*.h5"))
    return [path for path in found if path.name not in expected]
