"""Threads of OpenMP sleep while they wait, unless somebody wants them to spin."""

import os
import subprocess
import sys

import pytest

from benchmark.openmp import sleep_while_waiting


@pytest.mark.parametrize(("before", "after"), [(None, "passive"), ("active", "active")])
def test_a_choice_of_the_users_is_kept(
    before: str | None, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if before is None:
        monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    else:
        monkeypatch.setenv("OMP_WAIT_POLICY", before)
    sleep_while_waiting()
    assert os.environ["OMP_WAIT_POLICY"] == after
    monkeypatch.delenv("OMP_WAIT_POLICY")


def test_every_command_has_its_threads_sleep_before_torch_is_loaded() -> None:
    environment = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    program = """
import os, sys
from benchmark.cli.main import main
assert "torch" not in sys.modules
main(["list", "--json"], standalone_mode=False)
print(os.environ["OMP_WAIT_POLICY"], file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.strip().endswith("passive")
