"""Clocks that jump, locales without UTF-8, and paths with spaces and letters of any kind."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.reliability.commands import run_in
from tests.reliability.content import describe
from tests.reliability.world import COMMANDS, World

pytestmark = pytest.mark.reliability

_CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
#include <sys/time.h>

/* Wall time, as seen by a process whose clock is set anew all the time: 1970, 2155, yesterday. */
static long jump(void) {
    static const long jumps[] = {0, -1790000000L, 4000000000L, -86400L, 86400L * 400};
    static unsigned calls;
    return jumps[calls++ / 3 % 5];
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int code = real(clock, now);
    if (clock == CLOCK_REALTIME) {
        now->tv_sec += jump();
        if (now->tv_sec < 0) now->tv_sec = 0;
    }
    return code;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec precise;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
"""


@pytest.fixture(scope="session")
def jumping_clock(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment in which a process's wall clock jumps; skips without a compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler for a clock that jumps")
    folder = tmp_path_factory.mktemp("clock")
    (folder / "clock.c").write_text(_CLOCK, encoding="utf-8")
    library = folder / "clock.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", library, folder / "clock.c", "-ldl"], check=True
    )
    return {"LD_PRELOAD": str(library)}


@pytest.mark.parametrize("name", list(COMMANDS))
def test_a_clock_that_jumps_changes_nothing(
    world: World, tmp_path: Path, jumping_clock: dict[str, str], name: str
) -> None:
    expected, _ = world.expect(name)
    code, said = run_in(jumping_clock, COMMANDS[name].build(world, tmp_path))
    assert code == 0, said
    assert describe(tmp_path) == expected


ASCII = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize("name", list(COMMANDS))
def test_any_path_in_a_locale_without_utf8(world: World, tmp_path: Path, name: str) -> None:
    """Inputs and outputs lie in folders whose names ASCII cannot write."""
    expected, _ = world.expect(name)
    odd = tmp_path / "Größe & 深度 (1)"
    odd.mkdir()
    (odd / "inputs").symlink_to(world.folder, target_is_directory=True)
    command = COMMANDS[name]
    arguments = command.build(World(folder=odd / "inputs"), odd / "out")
    code, said = run_in(ASCII, arguments)
    assert code == 0, said
    assert describe(odd / "out") == expected


def test_an_error_about_such_a_path_is_one_line(world: World, tmp_path: Path) -> None:
    world.expect("prepare")
    missing = tmp_path / "nicht da: 深度"
    code, said = run_in(ASCII, ["prepare", str(missing), "--out", str(tmp_path / "out")])
    assert code == 2, said
    assert said.startswith("genbench: ")
    assert said.count("\n") == 1
