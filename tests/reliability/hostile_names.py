"""Names that try to be paths, and a folder that tells whether anything in it was opened."""

import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_OPENED = {0x20: "opened", 0x1: "read", 0x2: "written", 0x100: "made in", 0x80: "moved into"}
_EVENT = struct.Struct("iIII")


def list_names(start: Path, target: Path) -> dict[str, str]:
    """Return names that lead from the folder `start` to `target`, which lies elsewhere, or nowhere.

    Args:
        start: the folder that a reader takes names from.
        target: what lies outside, without whatever ending the reader adds.
    """
    away = os.path.relpath(target, start)
    return {
        "parents": away,
        "absolute": str(target),
        "through a folder": f"a/../{away}",
        "through the same folder": f"./{away}",
        "doubled slashes": away.replace("/", "//"),
        "backslashes": away.replace("/", "\\"),
        "zero byte behind": f"{away}\0",
        "zero byte before": f"\0{away}",
        "line break": f"a\n{away}",
        "home": f"~/{away}",
        "address": f"file://{target}",
        "escape sequence": f"\x1b]0;{away}\x07",
        "5,000 letters": "a" * 5000,
        "4,000 folders": "a/" * 4000 + "a",
        "300 letters of 4 bytes": "\U0001f980" * 300,
        "dot": ".",
        "dots": "..",
        "nothing": "",
        "blank": " ",
    }


KINDS = tuple(list_names(Path("/a/b"), Path("/c/d")))


@contextmanager
def watching(folder: Path) -> Iterator[list[str]]:
    """Yield a list that says, after the block, which files below `folder` were opened or made.

    The kernel tells (inotify), so that no library and no other process can hide it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    handle = libc.inotify_init1(os.O_NONBLOCK)
    assert handle >= 0, os.strerror(ctypes.get_errno())
    places = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    mask = sum(_OPENED)
    names = {libc.inotify_add_watch(handle, os.fsencode(place), mask): place for place in places}
    assert min(names) > 0, os.strerror(ctypes.get_errno())
    touched: list[str] = []
    try:
        yield touched
    finally:
        touched += sorted({_describe(names[watch], *rest) for watch, *rest in _read(handle)})
        os.close(handle)


def _read(handle: int) -> Iterator[tuple[int, int, str]]:
    """Yield watch, mask and name of every event."""
    try:
        data = os.read(handle, 1 << 20)
    except BlockingIOError:
        return
    while data:
        watch, mask, _, length = _EVENT.unpack_from(data)
        name = data[_EVENT.size : _EVENT.size + length].rstrip(b"\0")
        yield watch, mask, os.fsdecode(name)
        data = data[_EVENT.size + length :]


def _describe(place: Path, mask: int, name: str) -> str:
    what = next(text for bit, text in _OPENED.items() if mask & bit)
    return f"{what} {place / name}"
