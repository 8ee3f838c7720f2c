"""Other processes: two commands in one folder, shards that change, files that come and go."""

import signal
import time
from pathlib import Path

import numpy as np
import pytest

from benchmark.errors import ShardFormatError
from benchmark.shards import read_shard
from tests.reliability.commands import run, start, stop, wait_for_end
from tests.reliability.content import describe
from tests.reliability.world import COMMANDS, World

pytestmark = pytest.mark.reliability

FLIPS = {False: 3, True: 40}


def _wait_for_lock(folder: Path) -> None:
    deadline = time.monotonic() + 300
    while not any(path.read_text() for path in folder.rglob(".lock")):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("name", ["synth", "prepare", "train", "run"])
def test_the_second_in_a_folder_is_told_who_is_there(
    world: World, tmp_path: Path, name: str
) -> None:
    expected, _ = world.expect(name)
    arguments = COMMANDS[name].build(world, tmp_path)
    first = start(arguments)
    _wait_for_lock(tmp_path)
    stop(first, signal.SIGSTOP, group=True)
    try:
        code, said = run(arguments)
    finally:
        stop(first, signal.SIGCONT, group=True)
    assert code == 2, said
    assert f"in use by process {first.pid} on " in said.splitlines()[-1]
    stop(first, signal.SIGKILL, group=False)
    first.finish()
    code, said = run(arguments)
    assert code == 0, said
    assert describe(tmp_path) == expected
    wait_for_end([first.pid])


def _copy_shards(world: World, folder: Path) -> list[Path]:
    """Return copies of the prepared shards, in place for `prepare` to go on with."""
    source = world.get_output("prepare")
    target = folder / "prepare"
    target.mkdir()
    for path in sorted(source.glob("*.h5")):
        (target / path.name).write_bytes(path.read_bytes())
    return sorted(target.glob("*.h5"))


def _is_refused(shard: Path) -> bool:
    """Tell whether a shard cannot be read, and the error names it."""
    try:
        read_shard(shard)
    except ShardFormatError as error:
        return shard.name in str(error)
    return False


def _prepare(world: World, folder: Path) -> None:
    code, said = run(COMMANDS["prepare"].build(world, folder))
    assert code == 0, said


def test_flipped_bits_are_found_and_named_and_only_that_shard_is_made_again(
    world: World, tmp_path: Path, full: bool
) -> None:
    expected, _ = world.expect("prepare")
    shards = _copy_shards(world, tmp_path)
    rng, found = np.random.default_rng(0), 0
    while found < FLIPS[full]:
        victim = shards[rng.integers(len(shards))]
        whole = victim.read_bytes()
        content = bytearray(whole)
        content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
        victim.write_bytes(content)
        if not _is_refused(victim):  # a bit between the tables; what is read is as before
            victim.write_bytes(whole)
            continue
        found += 1
        before = {path: path.stat().st_ino for path in shards}
        _prepare(world, tmp_path)
        changed = [path for path in shards if path.stat().st_ino != before[path]]
        assert changed == [victim]
    assert describe(tmp_path) == expected


def test_a_run_names_the_damaged_shard(world: World, tmp_path: Path) -> None:
    expected, _ = world.expect("run")
    victim = next(path for path in _copy_shards(world, tmp_path) if path.name.startswith("test"))
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    own = (str(tmp_path / "prepare"), *COMMANDS["run"].arguments[1:])
    arguments = ["run", *(text.format(out=tmp_path / "out" / "run") for text in own)]
    code, said = run(arguments)
    assert code == 2, said
    assert victim.name in said.splitlines()[-1]
    assert "checksum" in said.splitlines()[-1]
    victim.unlink()
    _prepare(world, tmp_path)
    code, said = run(arguments)
    assert code == 0, said
    assert describe(tmp_path / "out") == expected


def test_a_deleted_shard_is_the_only_one_made_again(world: World, tmp_path: Path) -> None:
    expected, _ = world.expect("prepare")
    shards = _copy_shards(world, tmp_path)
    before = {path: path.stat().st_ino for path in shards[1:]}
    shards[0].unlink()
    _prepare(world, tmp_path)
    assert {path: path.stat().st_ino for path in shards[1:]} == before
    assert describe(tmp_path) == expected
