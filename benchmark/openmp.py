"""How the threads wait that torch computes with."""

import os


def sleep_while_waiting() -> None:
    """Let OpenMP's threads sleep while they wait for each other; call it before torch is loaded.

    By default they spin. Where two of them share a core, as on virtual machines and busy ones, each
    then waits out the other's time slice at every operation: `genbench run` took 35 s instead of 6
    on a virtual machine of two idle cores. On cores of their own it costs some microseconds an
    operation. Who has set OMP_WAIT_POLICY keeps it.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
