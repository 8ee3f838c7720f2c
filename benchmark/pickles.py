"""Reading pickles from strangers: numpy arrays and plain Python values, never code.

NOCS annotations, detections and most published results are pickles. Everything here that reads one
goes through `read_pickle`.
"""

import zlib
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.errors import DataFormatError
from benchmark.pickle_machine import PickleMachine
from benchmark.reading import read_bytes

_GZIP_MAGIC = b"\x1f\x8b"
_MAX_BYTES = 4 * 2**30
_MAX_DEPTH = 64
_LEAVES = (type(None), bool, int, float, complex, str, bytes, bytearray, np.ndarray, np.generic)


def read_pickle(path: Path) -> Any:
    """Read a pickle (protocol 0 to 5, Python 2 or 3, numpy 1 or 2), gzipped or not.

    Byte strings of Python 2 become text through latin1. Arrays of numbers and text are admitted,
    object arrays are not.

    Raises:
        DataFormatError: the file cannot be read, is damaged, is absurdly large for its size on
            disk, or names anything besides numpy arrays and plain values. None of it is executed.
    """
    if not path.exists():
        raise DataFormatError(f"{path}: no such file")
    data = read_bytes(path, _MAX_BYTES)
    try:
        return parse_pickle(data)
    except DataFormatError as error:
        raise DataFormatError(
            f"{path}: not a pickle of arrays and plain values: {error}; get the file again"
        ) from error


def parse_pickle(data: bytes) -> Any:
    """Interpret a pickle held in memory, gzipped or not; see `read_pickle`.

    Raises:
        DataFormatError: as in `read_pickle`, without the name of a file.
    """
    max_opcodes = 2_000_000 + len(data) // 4
    if data.startswith(_GZIP_MAGIC):
        data = _decompress(data)
    value = PickleMachine(data, max_opcodes).run()
    _measure(value, _MAX_DEPTH, {})
    return value


def _decompress(data: bytes) -> bytes:
    """Unpack gzip, but no more than a data file of this size could plausibly hold."""
    limit = 2**26 + 32 * len(data)
    decompressor = zlib.decompressobj(wbits=31)
    try:
        unpacked = decompressor.decompress(data, limit)
    except zlib.error as error:
        raise DataFormatError(f"damaged gzip ({error})") from error
    if not decompressor.eof:
        state = "too large" if decompressor.unconsumed_tail else "truncated"
        raise DataFormatError(f"{state} gzip ({len(unpacked)} bytes unpacked)")
    return unpacked


def _measure(value: Any, depth: int, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """Return height and unfolded bytes of a value, refusing what would trap a recursive reader.

    A pickle may refer to one list from many places, so a small file can unfold to a huge tree, or
    contain itself.
    """
    if isinstance(value, np.ndarray):
        return 0, value.nbytes
    if isinstance(value, _LEAVES):
        return 0, len(value) if isinstance(value, str | bytes | bytearray) else 8
    if not isinstance(value, list | tuple | dict | set | frozenset):
        raise DataFormatError(f"holds a {type(value).__name__}")
    if id(value) in known:
        height, size = known[id(value)]
    else:
        if depth <= 0:
            raise DataFormatError("is nested too deeply")
        items = value.values() if isinstance(value, dict) else value
        measures = [_measure(item, depth - 1, known) for item in items]
        height = 1 + max((part[0] for part in measures), default=0)
        size = 8 + sum(part[1] for part in measures)
        known[id(value)] = height, size
    if height > depth or size > _MAX_BYTES:
        raise DataFormatError("unfolds to more than a data file could hold")
    return height, size
