"""HDF5 point-cloud shards: the schema, writing, reading and validation in one place.

A shard holds a few thousand objects at most. The clouds lie uncompressed and contiguous, so that a
reader maps them into memory and random batches cost one page look-up each.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

from benchmark.columns import (
    Table,
    column,
    compute_checksum,
    creating,
    get_dataset,
    get_group,
    read_number,
    read_table,
    read_text,
    write_table,
    write_text,
)
from benchmark.errors import ShardFormatError
from benchmark.records import Detections, Frames, GroundTruth

SCHEMA_VERSION = 2
POINTS_PER_CLOUD = 1024
_FORMAT = "genbench-shard"

Split = Literal["train", "val", "test"]


@dataclass(frozen=True, kw_only=True)
class Objects(Table):
    """One row per point cloud: what an estimator sees.

    Attributes:
        points: cloud in the camera frame, metres.
        frame: row of the frame.
        detection: row of the detection it was cut out with; -1 where the ground-truth mask was.
        ground_truth: row of the annotated object. In training shards the object itself; in test
            shards the best-overlapping annotation of the same class or -1, for slices and diagnosis
            only: protocols do their own matching.
        category: class id of the detection, or of the object in training shards.
        valid_pixels: points of the crop before subsampling to 1024.
        pixels: source pixel (u, v) of each point, optional.
    """

    points: np.ndarray = column("f4", POINTS_PER_CLOUD, 3)
    frame: np.ndarray = column("i4")
    detection: np.ndarray = column("i4")
    ground_truth: np.ndarray = column("i4")
    category: np.ndarray = column("u1")
    valid_pixels: np.ndarray = column("i4")
    pixels: np.ndarray | None = column("i2", POINTS_PER_CLOUD, 2, optional=True)


@dataclass(frozen=True, kw_only=True)
class Quarantine(Table):
    """One row per frame or instance that was left out, so that nothing disappears silently.

    Attributes:
        frame: frame id as in `Frames.id`, whether or not the frame itself is in the shard.
        instance: detection row within the frame's detections file, or instance id of the mask, or
            -1 for the whole frame.
        reason: short code ("unreadable_depth", "too_few_points").
        detail: one line for a person, naming the file.
    """

    frame: np.ndarray = column("str")
    instance: np.ndarray = column("i4")
    reason: np.ndarray = column("str")
    detail: np.ndarray = column("str")


@dataclass(frozen=True, kw_only=True)
class ShardInfo:
    """What a shard says of itself.

    Attributes:
        dataset: name of the data set ("synth6", "nocs", "own").
        source: "camera" (rendered), "real" (sensor) or "own".
        split: train, val or test.
        label_set: version of the ground truth, with the mug convention in it
            ("nocs-gts/mug-body-axis").
        has_ground_truth: False for own data without annotations.
        configuration: the resolved options that made the shard.
        fingerprints: one of the input files of each kind ("detections", "labels", "frames").
    """

    dataset: str
    source: Literal["camera", "real", "own"]
    split: Split
    label_set: str
    has_ground_truth: bool = True
    configuration: dict[str, Any] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One shard in memory; `objects.points` is a memory map when it was read from a file."""

    info: ShardInfo
    frames: Frames
    ground_truth: GroundTruth
    detections: Detections
    objects: Objects
    quarantine: Quarantine = field(default_factory=Quarantine.empty)

    def tables(self) -> dict[str, Table]:
        """Return the tables by the name of their HDF5 group."""
        names = ("frames", "ground_truth", "detections", "objects", "quarantine")
        return {name: getattr(self, name) for name in names}


def write_shard(path: Path, shard: Shard) -> str:
    """Write `shard` under a temporary name, then rename it to `path`.

    Returns:
        The checksum of its content, which is also its fingerprint.
    """
    _check_rows(path, shard)
    checksum = compute_checksum(shard.tables())
    with creating(path) as file:
        write_text(file, "format", _FORMAT)
        file.attrs["schema_version"] = SCHEMA_VERSION
        write_text(file, "info", json.dumps(asdict(shard.info), sort_keys=True))
        write_text(file, "checksum", checksum)
        for name, table in shard.tables().items():
            write_table(file.create_group(name), table)
    return checksum


def read_shard(path: Path, *, verify: bool = True, mapped: bool = True) -> Shard:
    """Read a shard; its clouds stay on disk behind a memory map.

    Args:
        path: the shard.
        verify: compare the content with the checksum that it was written with.
        mapped: False reads the clouds too, for work that must not depend on the file any longer.

    Raises:
        ShardFormatError: not a shard, of a newer schema, truncated, or its content was altered.
    """
    with open_checked(path, _FORMAT, SCHEMA_VERSION) as file:
        shard = Shard(
            info=ShardInfo(**json.loads(read_text(file, "info"))),
            frames=read_table(get_group(file, "frames"), Frames),
            ground_truth=read_table(get_group(file, "ground_truth"), GroundTruth),
            detections=read_table(get_group(file, "detections"), Detections),
            objects=read_table(
                get_group(file, "objects"), Objects, mapped=("points",) if mapped else ()
            ),
            quarantine=read_table(get_group(file, "quarantine"), Quarantine),
        )
        if verify and compute_checksum(shard.tables()) != read_text(file, "checksum"):
            raise ShardFormatError(
                f"{path}: its content does not match its checksum: delete it and run prepare again"
            )
    _check_rows(path, shard)
    return shard


def read_fingerprint(path: Path) -> str:
    """Return the checksum recorded in a shard, without reading its content."""
    with open_checked(path, _FORMAT, SCHEMA_VERSION) as file:
        return read_text(file, "checksum")


def read_shard_info(path: Path) -> ShardInfo:
    """Return what a shard says of itself, without reading its content."""
    with open_checked(path, _FORMAT, SCHEMA_VERSION) as file:
        return ShardInfo(**json.loads(read_text(file, "info")))


def read_frame_count(path: Path) -> int:
    """Return the number of frames in a shard, without reading its content."""
    with open_checked(path, _FORMAT, SCHEMA_VERSION) as file:
        return len(get_dataset(get_group(file, "frames"), "id"))


def find_shards(folder: Path, *, split: Split | None = None) -> list[Path]:
    """Return the shards of a folder in name order, of one split or of all.

    Shard files are named `<split>-<source>-<number>.h5`.

    Raises:
        ShardFormatError: the folder does not exist or holds no such shard.
    """
    shards = sorted(folder.glob(f"{split or '*'}-*-[0-9]*.h5")) if folder.is_dir() else []
    if not shards:
        raise ShardFormatError(
            f"{folder}: expected shards ({split or '*'}-*.h5), found none: "
            "run genbench prepare first"
        )
    return shards


@contextmanager
def open_checked(path: Path, expected_format: str, newest_schema: int) -> Iterator[h5py.File]:
    """Open an HDF5 file of ours for reading, its format and version checked.

    Raises:
        ShardFormatError: no such file, another format, a newer schema, or anything in it that the
            block cannot read.
    """
    if not path.is_file():
        raise ShardFormatError(f"{path}: no such file")
    try:
        with h5py.File(path, "r") as file:
            _check_header(file, path, expected_format, newest_schema)
            yield file
    except ShardFormatError:
        raise
    except MemoryError as error:
        raise ShardFormatError(f"{path}: does not fit into memory") from error
    except (KeyError, TypeError, OSError, RuntimeError, ValueError) as error:
        raise ShardFormatError(
            f"{path}: truncated or damaged ({error}): delete it and write it again"
        ) from error


def _check_header(file: h5py.File, path: Path, expected_format: str, newest_schema: int) -> None:
    found = read_text(file, "format") if "format" in file.attrs else None
    if found != expected_format:
        raise ShardFormatError(f"{path}: expected a {expected_format} file, got {str(found)!r:.60}")
    version = read_number(file, "schema_version")
    if version > newest_schema:
        raise ShardFormatError(
            f"{path}: schema {version} is newer than this genbench knows "
            f"({newest_schema}): update genbench"
        )


def _check_rows(path: Path, shard: Shard) -> None:
    """Check that every row index points into its table."""
    counts = {"frame": len(shard.frames), "detection": len(shard.detections)}
    counts["ground_truth"] = len(shard.ground_truth)
    references: list[tuple[str, np.ndarray, int, int]] = [
        ("ground_truth.frame", shard.ground_truth.frame, 0, counts["frame"]),
        ("detections.frame", shard.detections.frame, 0, counts["frame"]),
        ("objects.frame", shard.objects.frame, 0, counts["frame"]),
        ("objects.detection", shard.objects.detection, -1, counts["detection"]),
        ("objects.ground_truth", shard.objects.ground_truth, -1, counts["ground_truth"]),
    ]
    for name, rows, lowest, count in references:
        if len(rows) and (rows.min() < lowest or rows.max() >= count):
            raise ShardFormatError(f"{path}: {name} points outside its table: write the file again")


def take_frames(shard: Shard, count: int) -> Shard:
    """Return the first `count` frames of a shard with everything that belongs to them."""
    detected = shard.detections.frame < count
    annotated = shard.ground_truth.frame < count
    objects = shard.objects.take(shard.objects.frame < count)
    return replace(
        shard,
        frames=shard.frames.take(slice(0, count)),
        ground_truth=shard.ground_truth.take(annotated),
        detections=shard.detections.take(detected),
        objects=replace(
            objects,
            detection=_renumber(objects.detection, detected),
            ground_truth=_renumber(objects.ground_truth, annotated),
        ),
    )


def _renumber(rows: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Return row references after all but the `kept` rows were removed; -1 stays -1."""
    return np.asarray(np.append(np.cumsum(kept) - 1, -1)[rows])  # row -1 finds the appended -1
