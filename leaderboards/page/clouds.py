"""The clouds of chosen detections, from shards, small enough for the page."""

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.shards import Shard, find_shards, read_fingerprint, read_shard
from leaderboards.page.failures import ObjectKey, number_within

CLOUD_POINTS = 320
_LEVELS = 32767


def read_clouds(
    folders: Iterable[Path], data_of_shard: Mapping[str, str], wanted: set[ObjectKey]
) -> dict[ObjectKey, tuple[Path, np.ndarray]]:
    """Find the clouds of detections in shards.

    Args:
        folders: folders of shards.
        data_of_shard: fingerprint of each shard that some run used to the data of that run; other
            shards are passed over, so that no cloud of other data is ever shown.
        wanted: the detections.

    Returns:
        The shard and the cloud (1024, 3) in the camera frame, of every detection that was found.

    Raises:
        ShardFormatError: a folder holds no shards, or one is damaged.
    """
    found: dict[ObjectKey, tuple[Path, np.ndarray]] = {}
    for folder in folders:
        for path in find_shards(folder):
            data = data_of_shard.get(read_fingerprint(path))
            if data is not None:
                clouds = _take_clouds(read_shard(path), data, wanted)
                found |= {key: (path, points) for key, points in clouds.items()}
    return found


def _take_clouds(shard: Shard, data: str, wanted: set[ObjectKey]) -> dict[ObjectKey, np.ndarray]:
    rows = number_within(shard.detections.frame)
    objects, found = shard.objects, {}
    for index in np.flatnonzero(objects.detection >= 0):
        frame = str(shard.frames.id[objects.frame[index]])
        key = ObjectKey(data=data, frame=frame, row=int(rows[objects.detection[index]]))
        if key in wanted:
            found[key] = np.asarray(objects.points[index])
    return found


def pack_cloud(points: np.ndarray, count: int = CLOUD_POINTS) -> dict[str, Any]:
    """Return a cloud (n, 3) as text: every so many points, 16 bits a coordinate.

    A coordinate is `centre + step * level`; levels are little-endian int16 in base64, x, y, z of
    one point after the other.
    """
    chosen = points[np.linspace(0, len(points) - 1, min(count, len(points))).astype(int)]
    centre = np.round(chosen.mean(axis=0), 4)
    step = max(float(np.abs(chosen - centre).max()), 1e-6) / _LEVELS
    levels = np.round((chosen - centre) / step).astype("<i2")
    return {
        "centre": [round(float(value), 4) for value in centre],
        "step": float(f"{step:.6g}"),
        "levels": base64.b64encode(levels.tobytes()).decode("ascii"),
    }
