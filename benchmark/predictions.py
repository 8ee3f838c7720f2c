"""The predictions file: the schema, writing, reading and joining in one place.

A predictions file is complete in itself: frames, ground truth, every detection, and for each
detection the estimate and its hypotheses. An evaluator needs nothing else.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from benchmark.columns import (
    Table,
    column,
    compute_checksum,
    creating,
    get_dataset,
    get_group,
    has_link,
    map_dataset,
    read_table,
    read_text,
    write_table,
    write_text,
)
from benchmark.errors import ShardFormatError
from benchmark.records import Detections, Frames, GroundTruth
from benchmark.shards import open_checked

SCHEMA_VERSION = 2
_FORMAT = "genbench-predictions"
_ARRAYS = ("hypotheses", "energies")
_Arrays = Mapping[str, np.ndarray | h5py.Dataset]


@dataclass(frozen=True, kw_only=True)
class Estimates(Table):
    """One row per row of the detections table, in the same order.

    Attributes:
        estimated: 0 where the method gave no pose (its transform is then the identity).
        transform: estimated object-to-camera transform; carries the scale where the method
            predicts one, else a plain pose with scale 1.
        extents: box sides divided by the scale; NaN where the method predicts no size.
    """

    estimated: np.ndarray = column("u1")
    transform: np.ndarray = column("f8", 4, 4)
    extents: np.ndarray = column("f8", 3)


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """What a predictions file says of how it came to be.

    Attributes:
        estimator: registered name, or the method's name for imported files.
        dataset, split, label_set: as in the shards.
        has_ground_truth: False for own data without annotations.
        draw_order: True where hypotheses lie in the order drawn; False for imports that are sorted.
        configuration: resolved options of the run (hypotheses, keep, sampler, seed).
        fingerprints: "detections", "labels", and one "weights:<name>" and "shard:<name>" each.
        assumptions: sentences about what an importer had to assume.
        environment: times and hardware; the only block that may differ between identical runs.
    """

    estimator: str
    dataset: str
    split: str
    label_set: str
    has_ground_truth: bool = True
    draw_order: bool = True
    configuration: dict[str, Any] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(default_factory=dict)
    assumptions: tuple[str, ...] = ()
    environment: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """A predictions file, or some whole frames of one, in memory.

    Attributes:
        hypotheses: (detections, K, 3, 4), sampled poses in draw order, the upper three rows of the
            4x4 matrix, scale 1; float32, or float64 where a foreign file held that. None if the
            method has a single answer.
        energies: (detections, K, 2) float32, rotation and translation energy of each hypothesis.
            None if the method ranks nothing.
    """

    info: RunInfo
    frames: Frames
    ground_truth: GroundTruth
    detections: Detections
    estimates: Estimates
    hypotheses: np.ndarray | None = None
    energies: np.ndarray | None = None

    def tables(self) -> dict[str, Table]:
        """Return the tables by the name of their HDF5 group."""
        names = ("frames", "ground_truth", "detections", "estimates")
        return {name: getattr(self, name) for name in names}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays whose shape depends on the number of hypotheses, where present."""
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        return {name: values for name, values in arrays.items() if values is not None}

    def check(self) -> None:
        """Check that tables and arrays belong together.

        Raises:
            ShardFormatError: row counts or row references disagree.
        """
        rows = len(self.detections)
        lengths = {"estimates": len(self.estimates)}
        lengths |= {name: len(values) for name, values in self.arrays().items()}
        for name, length in lengths.items():
            if length != rows:
                raise ShardFormatError(f"predictions: {rows} detections but {length} {name}")
        for name in ("ground_truth", "detections"):
            frame = getattr(self, name).frame
            if len(frame) and (frame.min() < 0 or frame.max() >= len(self.frames)):
                raise ShardFormatError(f"predictions: {name}.frame points outside the frames")
        self._check_hypotheses()

    def _check_hypotheses(self) -> None:
        poses, energies = self.hypotheses, self.energies
        if poses is not None and (poses.ndim != 4 or poses.shape[2:] != (3, 4)):
            raise ShardFormatError(f"predictions: expected poses (n, K, 3, 4), got {poses.shape}")
        if energies is None:
            return
        expected = (*poses.shape[:2], 2) if poses is not None else "none without hypotheses"
        if energies.shape != expected:
            raise ShardFormatError(
                f"predictions: expected energies {expected}, got {energies.shape}"
            )


def join_predictions(parts: Sequence[Predictions]) -> Predictions:
    """Join the predictions of several shards, renumbering frames. The first part's info is kept."""
    offsets = np.cumsum([0] + [len(part.frames) for part in parts])
    shifted = [
        replace(
            part,
            ground_truth=replace(part.ground_truth, frame=part.ground_truth.frame + offset),
            detections=replace(part.detections, frame=part.detections.frame + offset),
        )
        for part, offset in zip(parts, offsets[:-1], strict=True)
    ]
    tables: dict[str, Any] = {
        name: type(table).concatenate([part.tables()[name] for part in shifted])
        for name, table in parts[0].tables().items()
    }
    arrays: dict[str, Any] = {
        name: np.concatenate([part.arrays()[name] for part in parts]) for name in parts[0].arrays()
    }
    return Predictions(info=parts[0].info, **tables, **arrays)


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write predictions under a temporary name, then rename the file to `path`."""
    predictions.check()
    with _creating(path, predictions.info, predictions.tables()) as file:
        for name, values in predictions.arrays().items():
            file.create_dataset(name, data=values)


def join_files(path: Path, parts: Sequence[Path], info: RunInfo) -> None:
    """Join predictions files into one, hypotheses part by part, so that memory stays flat.

    Args:
        path: the file to write.
        parts: predictions files of one run, in order.
        info: what the joined file says of itself.

    Raises:
        ShardFormatError: a part is damaged, or holds another number of hypotheses than the rest.
    """
    tables = join_predictions([_read_without_arrays(part) for part in parts]).tables()
    rows = len(tables["detections"])
    with _creating(path, info, tables) as file:
        start = 0
        whole: dict[str, h5py.Dataset] = {}
        for number, part in enumerate(parts):
            count, arrays = _read_arrays(part)
            if number == 0:
                for name, values in arrays.items():
                    whole[name] = file.create_dataset(name, (rows, *values.shape[1:]), values.dtype)
            _check_same_arrays(part, arrays, whole)
            for name, values in arrays.items():
                whole[name][start : start + count] = values
            start += count


def _check_same_arrays(part: Path, arrays: _Arrays, whole: _Arrays) -> None:
    found = {name: values.shape[1:] for name, values in arrays.items()}
    expected = {name: values.shape[1:] for name, values in whole.items()}
    if found != expected:
        raise ShardFormatError(
            f"{part}: expected {expected} as in the first part, got {found}: "
            "delete the run and start it again"
        )


@contextmanager
def _creating(path: Path, info: RunInfo, tables: dict[str, Table]) -> Iterator[h5py.File]:
    """Yield a new file with its tables written; its arrays are written by the block."""
    with creating(path) as file:
        write_text(file, "format", _FORMAT)
        file.attrs["schema_version"] = SCHEMA_VERSION
        write_text(file, "info", json.dumps(asdict(info), sort_keys=True))
        for name, table in tables.items():
            write_table(file.create_group(name), table)
        yield file
        write_text(file, "checksum", compute_checksum(tables, _get_arrays(file)))


def read_predictions(path: Path) -> Predictions:
    """Read a whole predictions file (hypotheses as a memory map).

    Raises:
        ShardFormatError: not a predictions file, of a newer schema, truncated or altered.
    """
    with open_checked(path, _FORMAT, SCHEMA_VERSION) as file:
        predictions = _read_open(file)
        checksum = compute_checksum(predictions.tables(), _get_arrays(file))
        if checksum != read_text(file, "checksum"):
            raise ShardFormatError(
                f"{path}: its content does not match its checksum: delete it and run again"
            )
    predictions.check()
    return predictions


def read_run_info(path: Path) -> RunInfo:
    """Read what a predictions file says of itself, without reading its content."""
    with open_checked(path, _FORMAT, SCHEMA_VERSION) as file:
        return _read_info(file)


def _read_without_arrays(path: Path) -> Predictions:
    return replace(read_predictions(path), hypotheses=None, energies=None)


def _read_info(file: h5py.File) -> RunInfo:
    fields = json.loads(read_text(file, "info"))
    return RunInfo(**(fields | {"assumptions": tuple(fields["assumptions"])}))


def _read_arrays(path: Path) -> tuple[int, dict[str, np.ndarray]]:
    """Return the number of detections, and the arrays in memory."""
    with open_checked(path, _FORMAT, SCHEMA_VERSION) as file:
        arrays = {name: dataset[...] for name, dataset in _get_arrays(file).items()}
        return len(get_dataset(get_group(file, "detections"), "frame")), arrays


def _get_arrays(file: h5py.File) -> dict[str, h5py.Dataset]:
    return {name: get_dataset(file, name) for name in _ARRAYS if has_link(file, name)}


def _read_open(file: h5py.File) -> Predictions:
    arrays: dict[str, Any] = {
        name: map_dataset(dataset) for name, dataset in _get_arrays(file).items()
    }
    return Predictions(
        info=_read_info(file),
        frames=read_table(get_group(file, "frames"), Frames),
        ground_truth=read_table(get_group(file, "ground_truth"), GroundTruth),
        detections=read_table(get_group(file, "detections"), Detections),
        estimates=read_table(get_group(file, "estimates"), Estimates),
        **arrays,
    )
