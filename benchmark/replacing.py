"""Files that appear whole or not at all: written under a temporary name, then renamed."""

import os
import re
import socket
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HOST = f"{zlib.crc32(socket.gethostname().encode()):08x}"
"""Tells temporary files of this machine from those of others that share the folder."""

_unfinished: set[Path] = set()
"""What this process is writing."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it over `path` when the block succeeds.

    Whatever goes wrong, nothing half-written is ever visible under the final name. What a killed
    process has left of the same file is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{_HOST}-{os.getpid()}.part")
    _remove_leftovers(path)
    _unfinished.add(temporary)
    try:
        yield temporary
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
        _unfinished.discard(temporary)


def remove_unfinished() -> None:
    """Remove every temporary file that this process is writing; for one that ends at once."""
    for temporary in list(_unfinished):
        temporary.unlink(missing_ok=True)


def _remove_leftovers(path: Path) -> None:
    """Remove temporary files for `path` whose process, of this very machine, is no more."""
    pattern = re.compile(rf"\.{re.escape(path.name)}\.{_HOST}-(\d+)\.part")
    for found in path.parent.iterdir():
        match = pattern.fullmatch(found.name)
        if match is not None and not _is_alive(int(match[1])):
            found.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return not _is_zombie(process)


def _is_zombie(process: int) -> bool:
    """Tell whether a process has ended, and only its parent has not asked how.

    A killed worker stays so where the process that adopts orphans is slow, or never asks, as in a
    container without an init.
    """
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return Path("/proc/self/stat").exists()  # it has just gone; or this is no Linux
    return stat.rpartition(")")[2].split()[0] in ("Z", "X")
