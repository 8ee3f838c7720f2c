"""How fast shards are read, and how large they are: `python tests/performance/bench_shards.py`.

Random batches of 192 clouds and a whole read, both from the page cache, beside reading the same
bytes as one plain file; and the clouds' size on disk against compressed alternatives.
"""

import argparse
import time
from pathlib import Path

import h5py
import numpy as np
from timing import BENCH_DATA, format_rows, time_in_turns

from benchmark.shards import find_shards, read_shard
from benchmark.training.clouds import TrainingClouds
from preprocess.synthetic.training_shards import write_training_shards

BATCH = 192
STORES = {
    "float32": {},
    "float32, lzf": {"compression": "lzf"},
    "float32, gzip": {"compression": 4},
}


def make_clouds(count: int) -> Path:
    """Return a folder with shards of that many training objects; what is there is kept."""
    folder = BENCH_DATA / f"objects-{count}"
    write_training_shards(
        folder, count=count, instances_per_category=60, seed=0, source="real", workers=2
    )
    return folder


def measure_stores(clouds: np.ndarray) -> list[tuple[str, float, str]]:
    """Return bytes a cloud and reading speed of each way to store clouds."""
    rows: list[tuple[str, float, str]] = []
    stores = STORES | {"float16": {}}
    for name, options in stores.items():
        path = BENCH_DATA / "store.h5"
        values = clouds.astype(name) if name == "float16" else clouds
        with h5py.File(path, "w") as file:
            chunks = (1, *values.shape[1:]) if options else None
            file.create_dataset("points", data=values, chunks=chunks, **options)
        picked = np.sort(np.random.default_rng(0).choice(len(clouds), BATCH, replace=False))
        seconds = _time_reading(path, picked)
        rows.append((f"{name}: size", path.stat().st_size / len(clouds) / 1024, "KiB a cloud"))
        rows.append((f"{name}: batches through h5py", BATCH / seconds, "clouds/s"))
        path.unlink()
    return rows


def _time_reading(path: Path, rows: np.ndarray) -> float:
    with h5py.File(path) as file:
        dataset = file["points"]
        (seconds,) = time_in_turns(lambda: dataset[rows])
    return seconds


def main(count: int) -> None:
    """Print clouds a second, megabytes a second, and sizes."""
    paths = find_shards(make_clouds(count))
    clouds = TrainingClouds(paths)
    rng = np.random.default_rng(0)
    batches = [rng.integers(len(clouds), size=BATCH) for _ in range(40)]
    points = np.concatenate([read_shard(path).objects.points for path in paths])
    plain = BENCH_DATA / "plain.bin"
    points.tofile(plain)

    def read_all() -> None:
        for path in paths:
            np.array(read_shard(path, verify=False).objects.points)

    fetch, whole, verified, raw = time_in_turns(
        lambda: [clouds.fetch(rows) for rows in batches],
        read_all,
        lambda: [read_shard(path) for path in paths],
        lambda: np.fromfile(plain, np.float32),
    )
    start = time.perf_counter()
    TrainingClouds(paths)
    opening = time.perf_counter() - start
    plain.unlink()
    megabytes = points.nbytes / 1e6
    print(
        format_rows(
            [
                ("random batches of 192", len(batches) * BATCH / fetch, "clouds/s"),
                ("all clouds in order", megabytes / whole, "MB/s"),
                ("the same bytes as a plain file", megabytes / raw, "MB/s"),
                ("with the checksum verified", megabytes / verified, "MB/s"),
                ("opening for training, verified", 1000 * opening / len(paths), "ms a shard"),
                *measure_stores(points[:2000]),
            ]
        )
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=4000)
    main(parser.parse_args().objects)
