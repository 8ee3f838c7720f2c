"""How long a frame takes to prepare: `python tests/performance/bench_prepare.py [--frames 60]`.

Beside it the bound, which is decoding the depth and mask PNG, and a straightforward version of the
released preprocessing: colour decoded as well, pickles loaded, and for each detection a coordinate
grid and four crops resized to 256x256. Processor time of one process, files in the page cache.
"""

import argparse
import pickle
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from timing import BENCH_DATA, format_rows, make_tree, run_genbench, time_in_turns

from benchmark.categories import REAL_INTRINSICS
from benchmark.memory import keep_freed_memory
from preprocess.crops import CROP_SIDE, compute_window
from preprocess.detections import find_detections
from preprocess.frames import NocsFrame
from preprocess.prepare import PrepareOptions, build_shard, plan_shards
from preprocess.sources import find_sources

POINTS = 1024


def decode(frames: Sequence[NocsFrame]) -> None:
    """Decode what every method needs."""
    for frame in frames:
        for kind in ("depth.png", "mask.png"):
            cv2.imread(str(frame.get_path(kind)), cv2.IMREAD_UNCHANGED)


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


def time_workers(tree: Path, workers: int) -> float:
    """Return the seconds of a whole preparation of all splits, start-up included."""
    out = BENCH_DATA / "prepared"
    shutil.rmtree(out, ignore_errors=True)
    start = time.perf_counter()
    run_genbench("prepare", tree, "--out", out, "--workers", workers)
    return time.perf_counter() - start


def main(count: int) -> None:
    """Print milliseconds a frame, and the ratios."""
    cv2.setNumThreads(1)
    keep_freed_memory()
    tree = make_tree()
    (source,) = find_sources(tree, PrepareOptions(split="test"))
    frames: Sequence[NocsFrame] = source.frames[:count]  # type: ignore[assignment]
    out = BENCH_DATA / "one-shard"
    tasks = plan_shards(source, out)

    def prepare() -> None:
        shutil.rmtree(out, ignore_errors=True)
        for task in tasks:
            build_shard(task)

    bound, ours, plain = time_in_turns(
        lambda: decode(frames),
        prepare,
        lambda: prepare_plainly(frames, tree / "mrcnn_results"),
        clock=time.process_time,
    )
    one, two = time_workers(tree, 1), time_workers(tree, 2)
    milliseconds = 1000 / len(frames)
    print(
        format_rows(
            [
                ("decoding depth and mask", milliseconds * bound, "ms a frame"),
                ("genbench prepare", milliseconds * ours, "ms a frame"),
                ("straightforward version", milliseconds * plain, "ms a frame"),
                ("prepare to bound", ours / bound, "times"),
                ("straightforward to prepare", plain / ours, "times"),
                ("whole command, 1 worker", one, "s"),
                ("whole command, 2 workers", two, "s"),
            ]
        )
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=60)
    main(parser.parse_args().frames)
