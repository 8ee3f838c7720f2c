"""How long work reports its progress, without knowing whether anybody looks."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

ShowProgress = Callable[[str, int | None, str], AbstractContextManager[Callable[[int], None]]]
"""Opens a display: what is done, number of items (None if unknown), and what they are; yields the
function to call with every number of items that are done."""


@contextmanager
def show_nothing(_what: str, _total: int | None, _unit: str) -> Iterator[Callable[[int], None]]:
    """Show nothing: for use from Python."""
    yield lambda _count: None
