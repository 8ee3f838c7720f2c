"""Reading files from strangers into memory: regular ones, of a size that they may have."""

import json
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from benchmark.errors import DataFormatError

_MOST_JSON_BYTES = 2**25
_MOST_JSON_WORK = 2**24
_WORK_OF_A_CONTAINER = 8
"""A list or dictionary takes about eight times the memory of a number."""

_held: ContextVar[dict[Path, bytes] | None] = ContextVar("held", default=None)
"""What was read in the block of `holding_files` that runs now."""


@contextmanager
def holding_files() -> Iterator[None]:
    """Let `read_bytes` read every file once in this block, and give the same bytes from then on.

    What is fingerprinted and what is read afterwards are then the same, whoever writes meanwhile.
    """
    token = _held.set({})
    try:
        yield
    finally:
        _held.reset(token)


def check_file(path: Path, most_bytes: int) -> None:
    """Check, before it is opened, that a path leads to a regular file that is not too large.

    Opening a pipe would wait for ever, and a device or a sparse file never ends.

    Raises:
        DataFormatError: it does not.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataFormatError(f"{path}: cannot be read ({reason})") from error
    if not stat.S_ISREG(status.st_mode):
        raise DataFormatError(f"{path}: cannot be read (not a regular file)")
    _check_size(path, status.st_size, most_bytes)


def _check_size(path: Path, size: int, most_bytes: int) -> None:
    if size > most_bytes:
        raise DataFormatError(
            f"{path}: too large for what it should be: {size} bytes, expected at most "
            f"{most_bytes}: get the file again"
        )


def read_bytes(path: Path, most_bytes: int) -> bytes:
    """Read a whole file, or return what `holding_files` holds of it.

    Raises:
        DataFormatError: it cannot be read, or is larger than `most_bytes` or than memory.
    """
    held = _held.get()
    if held is None:
        return _read_bytes(path, most_bytes)
    if path not in held:
        held[path] = _read_bytes(path, most_bytes)
    _check_size(path, len(held[path]), most_bytes)
    return held[path]


def _read_bytes(path: Path, most_bytes: int) -> bytes:
    check_file(path, most_bytes)
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataFormatError(f"{path}: cannot be read ({error.strerror})") from error
    except MemoryError as error:
        raise DataFormatError(f"{path}: does not fit into memory") from error


def read_text(path: Path, most_bytes: int) -> str:
    """Read a whole file of UTF-8 text.

    Raises:
        DataFormatError: see `read_bytes`; or it is not such text.
    """
    try:
        return read_bytes(path, most_bytes).decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataFormatError(
            f"{path}: not a text file in UTF-8 ({error.reason} at byte {error.start})"
        ) from error


def read_json(path: Path, most_bytes: int = _MOST_JSON_BYTES) -> Any:
    """Read a JSON file.

    Raises:
        DataFormatError: see `read_text` and `parse_json`.
    """
    return parse_json(read_text(path, most_bytes), str(path))


def parse_json(text: str, where: str) -> Any:
    """Return the value that a JSON text stands for.

    Raises:
        DataFormatError: not JSON, nested too deeply, with numbers of thousands of digits, or of so
            many values that they would take more than about 1 GiB.
    """
    containers = text.count("{") + text.count("[[") + text.count("],")  # rare within RLE masks
    if text.count(",") + _WORK_OF_A_CONTAINER * containers > _MOST_JSON_WORK:
        raise DataFormatError(f"{where}: JSON of too many values: split it into several files")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataFormatError(f"{where}: not valid JSON ({error})") from error
