"""What a shard was made of: one fingerprint over the content of many files.

It tells whether anything changed, not who changed it, so XXH3 with 128 bits does: SHA-256 takes ten
times as long, which was a seventh of the time of preparing a frame.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import xxhash

from benchmark.errors import DataFormatError
from benchmark.reading import read_bytes

_MOST_HELD_BYTES = 2**28
"""Larger files are hashed piece by piece: no image is as large, and pickles hardly ever."""


class Fingerprint:
    """A fingerprint that grows file by file, in the order given.

    Names are the caller's (a frame id, say), so that a data set keeps its fingerprint wherever it
    lies. A file that cannot be read, or None, counts as such: when it turns up, the fingerprint
    changes.
    """

    def __init__(self) -> None:
        self._digest = xxhash.xxh3_128()

    def add(self, name: str, path: Path | None) -> None:
        """Add a file under a name."""
        self._digest.update(f"{name}\0{_hash_file(path)}\n".encode())

    def compute(self) -> str:
        """Return what stands for the files so far: 32 hexadecimal digits."""
        return self._digest.hexdigest()


def compute_files_fingerprint(files: Iterable[tuple[str, Path | None]]) -> str:
    """Return the fingerprint of files, each under its name."""
    fingerprint = Fingerprint()
    for name, path in files:
        fingerprint.add(name, path)
    return fingerprint.compute()


def _hash_file(path: Path | None) -> str:
    if path is None:
        return "none"
    try:
        return xxhash.xxh3_128_hexdigest(read_bytes(path, _MOST_HELD_BYTES))
    except DataFormatError:
        return _hash_in_pieces(path) if path.is_file() else "missing"


def _hash_in_pieces(path: Path) -> str:
    try:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, xxhash.xxh3_128).hexdigest()
    except OSError:
        return "missing"
