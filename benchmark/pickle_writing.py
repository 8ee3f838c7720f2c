"""Writing pickles that the NOCS family's code reads, with numpy before and after 2."""

import gzip
import pickle
import pickletools
from pathlib import Path
from typing import Any

from benchmark.replacing import replacing

_PROTOCOL = 3


def write_pickle(path: Path, value: Any) -> None:
    """Write a pickle of arrays and plain values; gzipped where the name ends in .gz.

    The same value gives the same bytes. The file appears under its name when it is complete.
    """
    data = dump_pickle(value)
    if path.suffix == ".gz":
        data = gzip.compress(data, mtime=0)
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def dump_pickle(value: Any) -> bytes:
    """Return the pickle of a value, naming numpy's modules as numpy 1 does.

    Numpy 2 calls its core `numpy._core`, which numpy before 1.26 does not have, and every later
    version still answers to `numpy.core`. Only the instructions that name a module are changed:
    the same letters inside data stay as they are.
    """
    data = pickle.dumps(value, protocol=_PROTOCOL)
    parts, end = [], 0
    for opcode, argument, position in pickletools.genops(data):
        is_new_name = opcode.name == "GLOBAL" and str(argument).startswith("numpy._core.")
        if is_new_name and position is not None:
            parts += [data[end:position], b"cnumpy.core."]
            end = position + len(b"cnumpy._core.")
    return b"".join([*parts, data[end:]])
