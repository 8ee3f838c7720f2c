"""genbench with everything small: a tiny synth6, shards of four frames, frequent check-points.

For tests that run a command over and over; run as a program, with the arguments of genbench. Says
"ready" before the command begins.
"""

import sys

FRAMES_PER_SHARD = 4
SAVE_EVERY = 4


def shrink() -> None:
    """Make this process's genbench small; its worker processes get their tasks from it."""
    from preprocess.partition import partition
    from preprocess.synthetic.plans import PLANS, PartPlan, TreePlan

    partition.__defaults__ = (FRAMES_PER_SHARD,)
    PLANS["tiny"] = TreePlan(
        parts={
            "CAMERA/train": PartPlan(scenes=2, frames=4, models=2),
            "CAMERA/val": PartPlan(scenes=1, frames=4, models=2),
            "Real/train": PartPlan(scenes=1, frames=4, models=2),
            "Real/test": PartPlan(scenes=3, frames=6, models=2),
        }
    )


def save_often() -> None:
    """Make check-points of trainings frequent."""
    from benchmark.training.loop import TrainingOptions

    defaults = TrainingOptions.__init__.__kwdefaults__
    defaults |= {"save_every": SAVE_EVERY, "log_every": 2}


if __name__ == "__main__":
    from benchmark.cli.main import main

    shrink()
    if "train" in sys.argv:
        save_often()
    print("ready", file=sys.stderr, flush=True)
    sys.exit(main())
