"""Work spread over machines with Dask: the same function over many tasks, whoever does it.

A task is made again when its worker dies, and every unfinished task is handed out again when the
scheduler was restarted. Tasks therefore write under temporary names and rename, so that doing one
twice changes nothing. Machines share a file system; the network between them must be trusted, since
Dask sends code.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from benchmark.errors import ConfigError

if TYPE_CHECKING:
    from distributed import Client

Task = TypeVar("Task")
Result = TypeVar("Result")

_LOCAL = "local:"
_TOLERATED_DEATHS = 20
"""Workers that may die under one task before it counts as the task's fault."""

_PATIENCE_S = 300
"""How long a scheduler may be away."""


class MapTasks(Protocol):
    """Applies a function of a module to every task, in any order."""

    def __call__(
        self, function: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[Result]:
        """Yield the results as they are done."""
        ...


@contextmanager
def connect(*, scheduler: str | None = None, cluster: str | None = None) -> Iterator[MapTasks]:
    """Yield what maps tasks over the workers of a Dask cluster.

    Args:
        scheduler: address of a running scheduler, "tcp://host:8786".
        cluster: "local:N" starts N worker processes here, which end with the block.

    Raises:
        ConfigError: both or neither is given, Dask is not installed, or nobody answers.
    """
    if (scheduler is None) == (cluster is None):
        raise ConfigError("give either --scheduler tcp://HOST:PORT or --cluster local:N")
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise ConfigError(
            "several machines need Dask: pip install 'genbench[distributed]'"
        ) from error
    quiet = {
        "distributed.scheduler.allowed-failures": _TOLERATED_DEATHS,
        "distributed.worker.memory.terminate": False,
    }
    with dask.config.set(quiet):
        if cluster is not None:
            count = parse_cluster(cluster)
            with (
                LocalCluster(
                    count,
                    threads_per_worker=1,
                    dashboard_address=None,
                    silence_logs=logging.CRITICAL,
                ) as started,
                Client(started, set_as_default=False) as client,
            ):
                yield _DaskMap(client)
            return
        try:
            client = Client(scheduler, timeout=_PATIENCE_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ConfigError(f"--scheduler {scheduler}: nobody answers there ({error})") from error
        with client:
            yield _DaskMap(client)


def parse_cluster(cluster: str) -> int:
    """Return N of "local:N".

    Raises:
        ConfigError: it is anything else.
    """
    count = cluster.removeprefix(_LOCAL)
    if not cluster.startswith(_LOCAL) or not count.isdecimal() or not int(count):
        raise ConfigError(f"--cluster {cluster!r}: expected local:N, as in local:4")
    return int(count)


class _DaskMap:
    """Maps tasks through one client; see `MapTasks`."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def __call__(
        self, function: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[Result]:
        """Yield results as they are done; hand out again what a lost scheduler took with it."""
        left = dict(enumerate(tasks))
        while left:
            for number, result in self._run_once(function, left):
                del left[number]
                yield result

    def _run_once(
        self, function: Callable[[Task], Result], left: dict[int, Task]
    ) -> Iterator[tuple[int, Result]]:
        from distributed import KilledWorker, as_completed

        numbers = {self._submit(function, task): number for number, task in left.items()}
        for future in as_completed(list(numbers), loop=self._client.loop):
            if future.cancelled():  # the scheduler was lost; the client is looking for it again
                continue
            try:
                yield numbers[future], future.result()
            except KilledWorker as error:
                raise MemoryError(
                    f"{_TOLERATED_DEATHS} workers died of one task: give them more memory"
                ) from error

    def _submit(self, function: Callable[[Task], Result], task: Task) -> Any:
        try:
            return self._client.submit(_run_task, version("genbench"), function, task, pure=False)
        except Exception as error:
            if self._client.status in ("running", "connecting"):
                raise
            raise ConfigError(
                f"the scheduler has been away for {_PATIENCE_S} s: start it, and give the same "
                "command again"
            ) from error


def _run_task(expected: str, function: Callable[[Task], Result], task: Task) -> Result:
    """Run a task on a worker, whose genbench must be that of the client."""
    if version("genbench") != expected:
        raise ConfigError(
            f"a worker has genbench {version('genbench')}, expected {expected}: install the same "
            "version everywhere"
        )
    return function(task)
