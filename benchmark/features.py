"""What an estimator's encoder makes of the clouds of a run: one feature a detection, in a file."""

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from benchmark.errors import ConfigError, DataFormatError
from benchmark.estimator import Observations
from benchmark.inference import Advance, iterate_batches
from benchmark.predictions import RunInfo, read_predictions
from benchmark.reading import check_file
from benchmark.replacing import replacing
from benchmark.run_inputs import find_shards_used, load_run_estimator
from benchmark.running import PREDICTIONS_NAME
from benchmark.shards import read_shard

FEATURES_NAME = "features.npz"
_COLUMNS = ("features", "detection", "category")
_LARGEST_BYTES, _LARGEST_RATIO = 2**30, 32


@runtime_checkable
class Encoder(Protocol):
    """What an estimator offers, besides the contract, if its encoder may be looked at."""

    def compute_features(self, observations: Observations) -> np.ndarray:
        """Return one feature (B, d) a cloud."""
        ...


@dataclass(frozen=True, kw_only=True)
class Features:
    """The encoder's features of n detections.

    Attributes:
        features: (n, d) float16.
        detection: (n,) rows of the run's detections table.
        category: (n,) class ids of the detections.
    """

    features: np.ndarray
    detection: np.ndarray
    category: np.ndarray


@dataclass(frozen=True, kw_only=True)
class FeatureOptions:
    """How features are computed.

    Attributes:
        weights: name or folder; None takes what the run says, and must match its fingerprints.
        device: torch device name, "auto" takes a GPU where there is one.
        batch: clouds per call of the encoder.
    """

    weights: Path | None = None
    device: str = "auto"
    batch: int = 64


def compute_features(
    run: Path,
    shards: Sequence[Path],
    options: FeatureOptions,
    advance: Advance = lambda _: None,
) -> Features:
    """Encode the clouds that a run estimated poses of, with the weights that it used.

    Args:
        run: its folder.
        shards: the shards it was made from.
        options: see there.
        advance: called with the number of clouds just done.

    Raises:
        ConfigError: other shards or weights than the run's, or an estimator without encoder.
        ShardFormatError: a shard or the predictions are damaged.
    """
    predictions = read_predictions(run / PREDICTIONS_NAME)
    used = find_shards_used(predictions.info, shards)
    encoder = _load_encoder(predictions.info, options)
    features, rows, offset = [], [], 0
    for path in used:
        shard = read_shard(path)
        for detection, observations in iterate_batches(shard, seed=0, batch=options.batch):
            features.append(encoder.compute_features(observations).astype(np.float16))
            rows.append(detection + offset)
            advance(len(detection))
        offset += len(shard.detections)
    detection = np.concatenate(rows)
    mine = detection < len(predictions.detections)  # a limited run stops within a shard
    return Features(
        features=np.concatenate(features)[mine],
        detection=detection[mine],
        category=predictions.detections.category[detection[mine]],
    )


def _load_encoder(info: RunInfo, options: FeatureOptions) -> Encoder:
    estimator = load_run_estimator(info, options.weights, options.device)
    if not isinstance(estimator, Encoder):
        raise ConfigError(f"estimator '{info.estimator}' has no encoder to take features from")
    return estimator


def write_features(path: Path, features: Features) -> None:
    """Write features as a compressed .npz file."""
    columns = {name: getattr(features, name) for name in _COLUMNS}
    with replacing(path) as temporary, temporary.open("wb") as handle:
        np.savez_compressed(handle, allow_pickle=False, **columns)


def _check_size(path: Path) -> None:
    """Check, before anything is unpacked, that it fits into memory.

    Raises:
        DataFormatError: it would not.
    """
    check_file(path, _LARGEST_BYTES)
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    limit = min(_LARGEST_BYTES, 2**26 + _LARGEST_RATIO * path.stat().st_size)
    if size > limit:
        raise DataFormatError(
            f"{path}: unpacks to {size} bytes, expected at most {limit}: run genbench features "
            "again"
        )


def read_features(path: Path) -> Features:
    """Read a file that `write_features` wrote.

    Raises:
        DataFormatError: no such file, damaged, or of another form.
    """
    if not path.exists():
        raise DataFormatError(f"{path}: no such file: run genbench features first")
    try:
        _check_size(path)
        with np.load(path, allow_pickle=False) as file:
            columns = {name: file[name] for name in _COLUMNS}
    except DataFormatError:
        raise
    except (
        *(OSError, KeyError, ValueError, EOFError, RuntimeError, MemoryError),
        *(zipfile.BadZipFile, zlib.error),
    ) as error:
        raise DataFormatError(
            f"{path}: not a file of features ({error}): delete it and run genbench features again"
        ) from error
    lengths = {len(values) for values in columns.values() if values.ndim}
    if columns["features"].ndim != 2 or len(lengths) != 1:
        raise DataFormatError(f"{path}: its arrays do not belong together: run genbench features")
    return Features(**columns)
