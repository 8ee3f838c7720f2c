"""genbench with everything small: a tiny synth6, shards of four frames, frequent check-points.

For tests that run a command over and over. As a program it takes the arguments of genbench, or
`--serve`: it then imports much once, and forks a process for each command that it is told; with
`--warm` besides, it imports all that the commands would import only when they run, so that next to
all of their time is work. A command says "ready" when it begins.
"""

import gc
import json
import os
import resource
import signal
import sys
from importlib import import_module
from typing import Any

FRAMES_PER_SHARD = 4
SAVE_EVERY = 2
_HEAVY = (
    "baselines.mean_pose",
    "benchmark.diffusion.compact",
    "benchmark.diffusion.fitting",
    "benchmark.evaluation.evaluator",
    "leaderboards.tables.build",
    "pandas",
    "preprocess.sources",
    "preprocess.synthetic.tree",
    "rich.console",
)
_WARM = (
    *(
        f"benchmark.cli.{name}"
        for name in ("synth", "prepare", "train", "run", "evaluate", "tables")
    ),
    "benchmark.diffusion.compact_recipes",
    "benchmark.diffusion.estimator",
    "benchmark.diffusion.validation",
    "benchmark.evaluation.files",
    "benchmark.evaluation.kernels",
    "benchmark.evaluation.tables",
    "benchmark.running",
    "leaderboards.tables.files",
    "pandas.io.formats.csvs",
    "preprocess.prepare",
    "rich.table",
    "scipy.integrate",
    "torch._dynamo",
)


def shrink() -> None:
    """Make this process's genbench small; its worker processes get their tasks from it."""
    from benchmark.training.loop import TrainingOptions
    from preprocess.partition import partition
    from preprocess.synthetic.plans import PLANS, PartPlan, TreePlan

    partition.__defaults__ = (FRAMES_PER_SHARD,)
    defaults = TrainingOptions.__init__.__kwdefaults__
    defaults |= {"save_every": SAVE_EVERY, "log_every": 1}
    PLANS["tiny"] = TreePlan(
        parts={
            "CAMERA/train": PartPlan(scenes=1, frames=4, models=1),
            "CAMERA/val": PartPlan(scenes=1, frames=4, models=1),
            "Real/train": PartPlan(scenes=1, frames=4, models=1),
            "Real/test": PartPlan(scenes=2, frames=6, models=1),
        }
    )


def announce() -> None:
    """Make genbench say "ready" as soon as it answers to signals."""
    from benchmark.cli.main import CommandGroup

    resolve = CommandGroup.resolve_command

    def say_ready(*arguments: Any) -> Any:
        print("ready", file=sys.stderr, flush=True)
        return resolve(*arguments)

    CommandGroup.resolve_command = say_ready  # type: ignore[method-assign]


def serve() -> list[str]:
    """Answer requests on stdin, a line of JSON each; return, in a new process, its arguments.

    {"arguments", "said", "largest"}: begin a command in a session of its own, stderr into the file
    `said`, files of `largest` bytes at most; the answer is its process. {"poll": process}: its exit
    code, null while it runs.
    """
    for name in (*_HEAVY, *(_WARM if "--warm" in sys.argv else ())):
        import_module(name)
    if "--warm" in sys.argv:
        _warm_up_numba()
    gc.collect()
    gc.freeze()  # or else every command takes a second to tidy up what is not its own
    ended: dict[int, int] = {}
    for line in sys.stdin:
        request = json.loads(line)
        if "poll" in request:
            _note_end(request["poll"], ended)
            answer = ended.get(request["poll"])
        else:
            answer = os.fork()
            if answer == 0:
                _become_command(request)
                return list(request["arguments"])
        print(json.dumps(answer), flush=True)
    sys.exit()


def _warm_up_numba() -> None:
    """Have numba import what it imports when it first loads a compiled function."""
    from numba.core.registry import cpu_target

    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()


def _note_end(process: int, ended: dict[int, int]) -> None:
    if process not in ended:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            ended[process] = os.waitstatus_to_exitcode(status)


def _become_command(request: dict[str, Any]) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a job in the background
    nothing = os.open(os.devnull, os.O_RDWR)
    said = os.open(request["said"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number, target in enumerate((nothing, nothing, said)):
        os.dup2(target, number)
    if request["largest"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["largest"],) * 2)


if __name__ == "__main__":
    from benchmark.cli.main import main

    shrink()
    announce()
    chosen = serve() if "--serve" in sys.argv else sys.argv[1:]
    sys.exit(main(chosen))
