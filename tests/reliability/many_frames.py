"""Very many frames, made of links to a few rendered ones: time and memory of every stage.

    python -m tests.reliability.many_frames FOLDER --frames 100000 --prepared 1000
    python -m tests.reliability.many_frames FOLDER --frames 100000 --shards SHARDS

Links scenes to rendered ones until there are --prepared frames and prepares them, or takes the test
shards that are there; links the shards until there are --frames; runs the mean-pose estimator over
all of them, and scores it.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmark.shards import find_shards, read_frame_count

FRAMES_PER_SCENE = 6
SCENES = 2


def link_scenes(rendered: Path, tree: Path, frames: int) -> None:
    """Make a tree of Real test scenes whose files are hard links to those of rendered scenes."""
    shutil.copytree(rendered / "obj_models", tree / "obj_models")
    for number in range(frames // FRAMES_PER_SCENE):
        source, scene = f"scene_{number % SCENES + 1}", f"scene_{number + 1}"
        _link_all(rendered / "Real/test" / source, tree / "Real/test" / scene)
        for folder in ("gts/real_test", "mrcnn_results/real_test"):
            for path in (rendered / folder).glob(f"*_{source}_*"):
                _link(path, tree / folder / path.name.replace(f"_{source}_", f"_{scene}_"))


def _link_all(source: Path, target: Path) -> None:
    for path in source.iterdir():
        _link(path, target / path.name)


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.link(source, target)


def link_shards(shards: Path, linked: Path, frames: int) -> tuple[int, int]:
    """Make shards of at least so many frames that are hard links to a few; count both."""
    linked.mkdir(parents=True)
    paths = find_shards(shards, split="test")
    counts = [read_frame_count(path) for path in paths]
    done = number = 0
    while done < frames:
        os.link(paths[number % len(paths)], linked / f"test-real-{number:04d}.h5")
        done += counts[number % len(paths)]
        number += 1
    return number, done


def measure(*arguments: object, program: tuple[str, ...] = ("-m", "benchmark.cli.main")) -> None:
    """Run a command as a process of its own; print its time and its largest memory."""
    begin = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *program, *map(str, arguments)], stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds, processor = time.monotonic() - begin, usage.ru_utime + usage.ru_stime
    memory = usage.ru_maxrss / 1024
    print(
        f"{arguments[0]}: {seconds:.0f} s, processor {processor:.0f} s, {memory:.0f} MB", flush=True
    )
    if status:
        sys.exit(f"{arguments[0]} failed")


def main() -> None:
    """Go through all stages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--prepared", type=int, default=1_000)
    parser.add_argument("--shards", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    chosen = parser.parse_args()
    folder: Path = chosen.folder
    shards = chosen.shards or prepare_links(folder, chosen.prepared, chosen.workers)
    count, frames = link_shards(shards, folder / "linked", chosen.frames)
    print(f"{frames} frames in {count} shards", flush=True)
    measure("run", folder / "linked", "--estimator", "mean-pose", "--out", folder / "run")


def prepare_links(folder: Path, frames: int, workers: int) -> Path:
    """Render a few frames, link them until there are `frames`, and prepare them."""
    small = (str(Path(__file__).with_name("small_genbench.py")),)
    measure("synth", folder / "few", "--size", "tiny", "--workers", workers, program=small)
    link_scenes(folder / "few", folder / "tree", frames)
    measure("prepare", folder / "tree", "--out", folder / "shards", "--workers", workers)
    return folder / "shards"


if __name__ == "__main__":
    main()
