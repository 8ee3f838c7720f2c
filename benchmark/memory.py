"""How the process gives memory back: hardly ever, while networks compute."""

import ctypes
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4


def keep_freed_memory() -> None:
    """Tell the C library to reuse large freed blocks instead of returning them to the system.

    torch frees and allocates tens of megabytes in every layer. By default glibc maps each such
    block afresh, and the kernel clears its pages again: an element-wise layer over 33 MB then takes
    15 ms instead of 2.5 ms. Does nothing where the C library is another one.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(_TOP_PAD, 64 * 2**20)
