"""What the workers of the cluster tests do: a run's parts, slowly enough to be disturbed."""

import os
import time

from benchmark.running import PartTask, run_part

SLOW = "GENBENCH_TEST_SLOW_DISK"


def run_part_slowly(task: PartTask) -> int:
    """Estimate a shard after a pause, which is long on a worker with a slow disk."""
    time.sleep(1.5 if SLOW in os.environ else 0.15)
    return run_part(task)
