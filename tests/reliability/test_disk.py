"""Disks that are full or read-only: one line, nothing half-written, and on once there is space."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reliability.commands import Watcher, run
from tests.reliability.content import describe
from tests.reliability.world import COMMANDS, World

pytestmark = pytest.mark.reliability

LARGEST_FILE = {
    "synth": 100_000,
    "prepare": 150_000,
    "train": 1_000_000,
    "run": 10_000,
    "evaluate": 500,
    "tables": 100,
}
"""Bytes; some file of each command is larger."""


def _check_failure(code: int, said: str, folder: Path, reason: str) -> None:
    assert code == 1, said
    lines = said.splitlines()
    assert lines[-1].startswith("genbench: ")
    assert reason in lines[-1]
    assert "Traceback" not in said
    assert not any(path.is_file() for path in folder.rglob(".*.part"))
    watcher = Watcher(folder)
    watcher.look()
    assert watcher.broken == []


@pytest.mark.parametrize("name", list(COMMANDS))
def test_files_that_may_not_grow(world: World, tmp_path: Path, name: str) -> None:
    expected, _ = world.expect(name)
    arguments = COMMANDS[name].build(world, tmp_path)
    code, said = run(arguments, largest=LARGEST_FILE[name])
    _check_failure(code, said, tmp_path, "File too large")
    code, said = run(arguments)
    assert code == 0, said
    assert describe(tmp_path) == expected


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a file system of its own, of half a megabyte; skips where none may be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = _mount("-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder))
    if made.returncode:
        pytest.skip(f"cannot mount a tmpfs: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mount(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["synth", "prepare", "train"])
def test_a_disk_that_is_full(world: World, small_disk: Path, name: str) -> None:
    expected, _ = world.expect(name)
    arguments = COMMANDS[name].build(world, small_disk)
    code, said = run(arguments)
    _check_failure(code, said, small_disk, "No space left on device")
    assert _mount("-o", "remount,size=400m", str(small_disk)).returncode == 0
    code, said = run(arguments)
    assert code == 0, said
    assert describe(small_disk) == expected


@pytest.mark.parametrize("name", list(COMMANDS))
def test_a_disk_that_cannot_be_written(world: World, small_disk: Path, name: str) -> None:
    world.expect(name)
    assert _mount("-o", "remount,ro", str(small_disk)).returncode == 0
    code, said = run(COMMANDS[name].build(world, small_disk))
    _check_failure(code, said, small_disk, "Read-only file system")
    assert os.listdir(small_disk) == []  # noqa: PTH208 - nothing at all, hidden or not
