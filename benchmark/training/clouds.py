"""Training clouds from shards: random access, hold-outs, and the record of what was trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.categories import get_category
from benchmark.errors import ConfigError
from benchmark.holdout import ShardRecord, TrainingRecord, record_shard
from benchmark.records import compute_rotation, compute_scale
from benchmark.shards import read_fingerprint, read_shard


@dataclass(frozen=True, kw_only=True)
class CloudBatch:
    """Clouds with their poses: object-to-camera, metres.

    Attributes:
        points: (B, 1024, 3) float32.
        rotation: (B, 3, 3) float32.
        translation: (B, 3) float32.
        size: (B, 3) float32, box sides.
        category: (B,) uint8.
        handle_visible: (B,) uint8.
    """

    points: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    size: np.ndarray
    category: np.ndarray
    handle_visible: np.ndarray


class TrainingClouds:
    """All usable objects of some shards, the held-out category left out.

    The clouds stay behind memory maps; only the labels are held in memory.

    Attributes:
        record: the categories and instances of every shard, and which of them are used.
    """

    def __init__(self, paths: Sequence[Path], *, holdout: str | None = None) -> None:
        """Open the shards.

        Args:
            paths: training shards.
            holdout: name of a category none of whose objects may be used.

        Raises:
            ConfigError: nothing is left to train on.
            UnknownNameError: no such category.
        """
        excluded = 0 if holdout is None else get_category(holdout).id
        records: dict[str, ShardRecord] = {}
        self._maps: list[np.ndarray] = []
        labels: list[dict[str, np.ndarray]] = []
        for path in paths:
            shard = read_shard(path)
            rows = np.flatnonzero(shard.objects.ground_truth >= 0)
            truth = shard.ground_truth.take(shard.objects.ground_truth[rows])
            records[path.name] = record_shard(
                read_fingerprint(path), truth.category, truth.instance, excluded=excluded
            )
            used = truth.category != excluded
            rows, truth = rows[used], truth.take(used)
            labels.append(
                {
                    "map": np.full(len(rows), len(self._maps)),
                    "row": rows,
                    "real": np.full(len(rows), shard.info.source == "real"),
                    "rotation": compute_rotation(truth.transform).astype(np.float32),
                    "translation": truth.transform[:, :3, 3].astype(np.float32),
                    "size": (truth.extents * compute_scale(truth.transform)[:, None]).astype(
                        np.float32
                    ),
                    "category": truth.category,
                    "handle_visible": truth.handle_visible,
                }
            )
            self._maps.append(shard.objects.points)
        if not any(len(part["row"]) for part in labels):
            raise ConfigError(f"no training objects in {len(paths)} shards (holdout: {holdout})")
        self.record = TrainingRecord(shards=records)
        self._labels = {name: np.concatenate([part[name] for part in labels]) for name in labels[0]}

    def __len__(self) -> int:
        return len(self._labels["row"])

    @property
    def fingerprints(self) -> dict[str, str]:
        """Checksum of every shard by its file name."""
        return {name: shard.fingerprint for name, shard in self.record.shards.items()}

    def draw(self, count: int, real_share: float, rng: np.random.Generator) -> np.ndarray:
        """Draw rows at random, with the given share from a sensor and the rest rendered.

        Where one of the two sources is absent, all rows come from the other.
        """
        real = np.flatnonzero(self._labels["real"])
        rendered = np.flatnonzero(~self._labels["real"])
        if not len(real) or not len(rendered):
            return rng.integers(len(self), size=count)
        from_real = rng.random(count) < real_share
        return np.where(
            from_real,
            real[rng.integers(len(real), size=count)],
            rendered[rng.integers(len(rendered), size=count)],
        )

    def fetch(self, rows: np.ndarray) -> CloudBatch:
        """Return the clouds and labels of some rows."""
        maps, places = self._labels["map"][rows], self._labels["row"][rows]
        points = np.stack([self._maps[m][i] for m, i in zip(maps, places, strict=True)])
        names = ("rotation", "translation", "size", "category", "handle_visible")
        return CloudBatch(points=points, **{name: self._labels[name][rows] for name in names})
