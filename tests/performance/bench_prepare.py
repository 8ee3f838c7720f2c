"""How long a frame takes to prepare: `python tests/performance/bench_prepare.py [--times 1]`.

Beside it the bound, which is reading and decoding the depth and mask PNG with the fastest decoder
that was found (kornia-rs, which `prepare` uses itself), the same with OpenCV, and a straightforward
version of the released preprocessing: colour decoded as well, pickles loaded, and for each
detection a coordinate grid and four crops resized to 256x256. Processor time of one process, files
in the page cache. Every round finds the frames and reads the model files anew: 2 ms, which the 60
test frames of synth6 tiny share; `--times 8` shows them eight times.

Then four shards of 180 frames with one worker and with two: the processor time of all workers and
of the busiest one, which other load on the machine hardly changes, and the time on the clock.
"""

import argparse
import os
import pickle
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import kornia_rs.io
import numpy as np
from repeated_tree import link_scenes
from timing import BENCH_DATA, format_rows, make_tree, time_in_turns

from benchmark.categories import REAL_INTRINSICS
from benchmark.memory import keep_freed_memory
from preprocess.crops import CROP_SIDE, compute_window
from preprocess.detections import find_detections
from preprocess.frames import NocsFrame
from preprocess.prepare import PrepareOptions, ShardTask, build_shard, plan_shards
from preprocess.sources import find_sources
from preprocess.workers import map_in_processes

POINTS = 1024
SHAPE = (480, 640)
BIT_DEPTH_AT = 24
TIMES_FOR_WORKERS = 12


Decode = Callable[[Path], np.ndarray]


def decode(frames: Sequence[NocsFrame], read: Decode) -> None:
    """Read what every method needs."""
    for frame in frames:
        for kind in ("depth.png", "mask.png"):
            read(frame.get_path(kind))


def read_with_kornia(path: Path) -> np.ndarray:
    """Decode a grey PNG of this size, unchecked."""
    data = path.read_bytes()
    is_deep = data[BIT_DEPTH_AT] == 16
    read = kornia_rs.io.decode_image_png_u16 if is_deep else kornia_rs.io.decode_image_png_u8
    return read(data, SHAPE, "mono")


def read_with_opencv(path: Path) -> np.ndarray:
    """Decode any PNG, unchecked."""
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def prepare_plainly(frames: Sequence[NocsFrame], detections: Path) -> list[np.ndarray]:
    """Return the clouds of all detections as a straightforward program cuts them."""
    rng, clouds = np.random.default_rng(0), []
    for frame in frames:
        cv2.imread(str(frame.get_path("color.png")))
        cv2.imread(str(frame.get_path("mask.png")), cv2.IMREAD_UNCHANGED)
        depth = cv2.imread(str(frame.get_path("depth.png")), cv2.IMREAD_UNCHANGED)
        path = find_detections(detections, frame)
        if path is None:
            continue
        with path.open("rb") as handle:
            found = pickle.load(handle)  # noqa: S301 - written by this benchmark's own synth6
        for row, box in enumerate(found["rois"]):
            clouds.append(_cut_plainly(depth, found["masks"][..., row], box, rng))
    return clouds


def _cut_plainly(
    depth: np.ndarray, mask: np.ndarray, box: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    rmin, rmax, cmin, cmax = compute_window(box)
    u, v = np.meshgrid(np.arange(640, dtype=np.float32), np.arange(480, dtype=np.float32))
    shown, z, u, v = (
        cv2.resize(
            image[rmin:rmax, cmin:cmax].astype(np.float32),
            (CROP_SIDE, CROP_SIDE),
            interpolation=cv2.INTER_NEAREST,
        )
        for image in (mask, depth, u, v)
    )
    x = (u - REAL_INTRINSICS.cx) * z / REAL_INTRINSICS.fx
    y = (v - REAL_INTRINSICS.cy) * z / REAL_INTRINSICS.fy
    points = np.stack([x, y, z], axis=-1)[(shown > 0) & (z > 0)] / 1000
    picked = rng.permutation(len(points))[:POINTS]
    return np.resize(points[picked], (POINTS, 3)) if len(points) else np.empty((0, 3))


def prepare(tree: Path, out: Path) -> None:
    """Build the shards of the test split in this process, from nothing."""
    shutil.rmtree(out, ignore_errors=True)
    (source,) = find_sources(tree, PrepareOptions(split="test"))
    for task in plan_shards(source, out):
        build_shard(task)


def build_timed(task: ShardTask) -> tuple[int, float]:
    """Build a shard; return the process that did it, and its processor time."""
    start = time.process_time()
    build_shard(task)
    return os.getpid(), time.process_time() - start


def time_workers(tree: Path, workers: int) -> tuple[float, float, float]:
    """Return the seconds of all workers, of the busiest one, and on the clock."""
    out = BENCH_DATA / "prepared"
    shutil.rmtree(out, ignore_errors=True)
    (source,) = find_sources(tree, PrepareOptions(split="test"))
    start, spent = time.perf_counter(), Counter[int]()
    for process, seconds in map_in_processes(
        build_timed, plan_shards(source, out), workers=workers
    ):
        spent[process] += seconds
    return spent.total(), max(spent.values()), time.perf_counter() - start


def make_repeated(times: int) -> Path:
    """Return a tree that shows the test scenes so many times."""
    tree = make_tree()
    if times == 1:
        return tree
    out = BENCH_DATA / f"repeated-{times}"
    link_scenes(tree, out, times)
    return out


def main(times: int) -> None:
    """Print milliseconds a frame, and the ratios."""
    cv2.setNumThreads(1)
    keep_freed_memory()
    tree, out = make_repeated(times), BENCH_DATA / "one-shard"
    (source,) = find_sources(tree, PrepareOptions(split="test"))
    frames: Sequence[NocsFrame] = source.frames  # type: ignore[assignment]
    seconds = time_in_turns(
        lambda: decode(frames, read_with_kornia),
        lambda: decode(frames, read_with_opencv),
        lambda: prepare(tree, out),
        lambda: prepare_plainly(frames, tree / "mrcnn_results"),
        clock=time.process_time,
    )
    bound, opencv, ours, plain = (1000 * each / len(frames) for each in seconds)
    rows = [
        ("frames", len(frames), ""),
        ("decoding depth and mask", bound, "ms a frame"),
        ("the same with OpenCV", opencv, "ms a frame"),
        ("genbench prepare", ours, "ms a frame"),
        ("straightforward version", plain, "ms a frame"),
        ("prepare to bound", ours / bound, "times"),
        ("prepare to OpenCV's decoding", ours / opencv, "times"),
        ("straightforward to prepare", plain / ours, "times"),
    ]
    large = make_repeated(TIMES_FOR_WORKERS)
    for workers in (1, 2):
        times_spent = zip(("all", "busiest", "clock"), time_workers(large, workers), strict=True)
        rows += [(f"{workers} worker(s), {name}", spent, "s") for name, spent in times_spent]
    print(format_rows(rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=1)
    main(parser.parse_args().times)
