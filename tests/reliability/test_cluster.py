"""Several machines: a real scheduler and real workers, which die, join, and are slow."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from benchmark.cluster import MapTasks, connect, parse_cluster
from benchmark.errors import ConfigError
from benchmark.estimator import EstimatorOptions
from benchmark.predictions import read_predictions
from benchmark.registry import load_estimator
from benchmark.running import PartTask, RunOptions, run_estimator
from benchmark.shards import find_shards, read_shard, take_frames, write_shard
from tests.reliability.cluster_tasks import SLOW, run_part_slowly
from tests.reliability.commands import REPOSITORY, run
from tests.reliability.content import describe
from tests.reliability.world import COMMANDS, World

pytestmark = pytest.mark.reliability

SHARDS = 24
WORKERS = 4


@dataclass
class Cluster:
    """A scheduler and its workers, as processes of their own.

    Attributes:
        address: of the scheduler.
        scheduler: its process.
        workers: their processes, dead ones included.
    """

    address: str
    scheduler: subprocess.Popen[bytes] | None = None
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_scheduler(self) -> None:
        """Start the scheduler at its address, and wait until it listens."""
        host, port = self.address.removeprefix("tcp://").split(":")
        self.scheduler = _start("scheduler", "--host", host, "--port", port)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex((host, int(port))) == 0:
                    return
            time.sleep(0.1)
        raise TimeoutError("the scheduler does not listen")

    def add_worker(self, **surroundings: str) -> None:
        """Start one more worker."""
        options = ("--nthreads", "1", "--no-nanny", "--death-timeout", "120")
        self.workers.append(_start("worker", self.address, *options, **surroundings))

    def kill_worker(self, rng: np.random.Generator) -> None:
        """Kill a worker that is alive, without a word."""
        alive = [process for process in self.workers if process.poll() is None]
        alive[rng.integers(len(alive))].kill()

    def restart_scheduler(self) -> None:
        """Kill the scheduler, which forgets everything, and start it again with new workers."""
        assert self.scheduler is not None
        self.scheduler.kill()
        self.scheduler.wait()
        self.start_scheduler()
        for _ in range(WORKERS):
            self.add_worker()

    def stop(self) -> None:
        """End all processes."""
        processes = [*self.workers, *([self.scheduler] if self.scheduler else [])]
        for process in processes:
            process.send_signal(signal.SIGKILL)
        for process in processes:
            process.wait()


def _start(kind: str, *arguments: str, **surroundings: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.dask_{kind}", *arguments, "--no-dashboard"],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)} | surroundings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Yield a scheduler with four workers, one of which has a slow disk."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    cluster = Cluster(address=f"tcp://127.0.0.1:{port}")
    try:
        cluster.start_scheduler()
        cluster.add_worker(**{SLOW: "1"})
        for _ in range(WORKERS - 1):
            cluster.add_worker()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="module")
def shards(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of small shards, the frames of a prepared one over and over."""
    world.expect("prepare")
    source = read_shard(find_shards(world.get_output("prepare"), split="test")[0])
    folder = tmp_path_factory.mktemp("shards")
    for number in range(SHARDS):
        write_shard(folder / f"test-real-{number:04d}.h5", take_frames(source, 1 + number % 3))
    return folder


Disturb = Callable[[Cluster, int, np.random.Generator], None]


def disturb_workers(cluster: Cluster, done: int, rng: np.random.Generator) -> None:
    """Kill a worker after every fourth part, and let another one join."""
    if done % 4 == 0:
        cluster.kill_worker(rng)
        cluster.add_worker()


def disturb_scheduler(cluster: Cluster, done: int, rng: np.random.Generator) -> None:
    """Restart the scheduler in the middle; its workers are gone as well."""
    del rng
    if done == SHARDS // 2:
        cluster.restart_scheduler()


@dataclass
class Disturbed:
    """Maps parts over a cluster, and disturbs it after every one that is done.

    Attributes:
        frames: of the parts that are done.
    """

    map_tasks: MapTasks
    cluster: Cluster
    disturb: Disturb
    rng: np.random.Generator
    frames: list[int] = field(default_factory=list)

    def __call__(self, _: Callable[..., int], tasks: Sequence[PartTask]) -> Iterator[int]:
        """Yield the frames of each part; see `MapTasks`."""
        for frames in self.map_tasks(run_part_slowly, tasks):
            self.frames.append(frames)
            self.disturb(self.cluster, len(self.frames), self.rng)
            yield frames


@pytest.mark.parametrize("disturb", [disturb_workers, disturb_scheduler])
def test_a_disturbed_cluster_makes_the_same_bytes(
    disturb: Disturb, shards: Path, tmp_path: Path, full: bool
) -> None:
    options = RunOptions(estimator=EstimatorOptions(device="cpu"))
    estimator, paths = load_estimator("mean-pose", options.estimator), find_shards(shards)
    run_estimator(estimator, paths, tmp_path / "here", options)
    expected = describe(tmp_path / "here")
    for attempt in range(5 if full else 1):
        out = tmp_path / f"there-{attempt}"
        with running_cluster() as cluster, connect(scheduler=cluster.address) as map_tasks:
            disturbed = Disturbed(map_tasks, cluster, disturb, np.random.default_rng(attempt))
            run_estimator(estimator, paths, out, options, map_tasks=disturbed)
        assert len(disturbed.frames) == SHARDS
        assert sum(disturbed.frames) == len(read_predictions(out / "predictions.h5").frames)
        assert describe(out) == expected


@pytest.mark.parametrize("name", ["prepare", "run", "evaluate"])
def test_commands_make_the_same_on_a_cluster(name: str, world: World, tmp_path: Path) -> None:
    expected, _ = world.expect(name)
    code, said = run([*COMMANDS[name].build(world, tmp_path), "--cluster", "local:3"])
    assert code == 0, said
    assert describe(tmp_path) == expected


def test_a_task_that_fails_says_so_as_if_it_had_run_here(shards: Path, tmp_path: Path) -> None:
    broken = tmp_path / "test-real-0000.h5"
    broken.write_bytes((shards / broken.name).read_bytes()[:5000])
    with connect(cluster="local:1") as map_tasks:
        estimator = load_estimator("mean-pose", EstimatorOptions())
        with pytest.raises(ValueError, match=broken.stem):
            run_estimator(estimator, [broken], tmp_path / "run", RunOptions(), map_tasks=map_tasks)


@pytest.mark.parametrize("wrong", ["local", "local:", "local:0", "slurm:4", "4"])
def test_a_cluster_is_local_and_has_workers(wrong: str) -> None:
    with pytest.raises(ConfigError, match="local:N"):
        parse_cluster(wrong)


def test_one_of_scheduler_and_cluster_is_needed() -> None:
    with pytest.raises(ConfigError, match="either"), connect():
        raise AssertionError
    with pytest.raises(ConfigError, match="either"), connect(scheduler="a", cluster="local:1"):
        raise AssertionError
