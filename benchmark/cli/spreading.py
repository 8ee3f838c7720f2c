"""The options that spread work over a Dask cluster, the same for every command that has them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from benchmark.cluster import MapTasks

Command = TypeVar("Command", bound=Callable[..., Any])


def spreading_options(command: Command) -> Command:
    """Add --scheduler and --cluster to a command."""
    command = click.option(
        "--cluster", metavar="local:N", help="Spread the work over N processes (docs/scaling.md)."
    )(command)
    return click.option(
        "--scheduler",
        metavar="tcp://HOST:PORT",
        help="Spread the work over the workers of a running Dask scheduler.",
    )(command)


@contextmanager
def connect_if_asked(scheduler: str | None, cluster: str | None) -> "Iterator[MapTasks | None]":
    """Yield what maps tasks over the cluster that was asked for, None if none was."""
    if scheduler is None and cluster is None:
        yield None
        return
    from benchmark.cluster import connect

    with connect(scheduler=scheduler, cluster=cluster) as map_tasks:
        yield map_tasks
