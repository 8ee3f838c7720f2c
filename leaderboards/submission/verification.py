"""Making a record from a run, and checking one by scoring its predictions again."""

import os
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from benchmark.columns import compute_checksum
from benchmark.errors import ConfigError
from benchmark.evaluation.evaluator import evaluate
from benchmark.evaluation.protocols import Options, get_protocol
from benchmark.evaluation.result import ProtocolResult, Result
from benchmark.predictions import Predictions, read_predictions
from benchmark.records import GroundTruth
from benchmark.shards import read_shard
from benchmark.texts import is_place_below
from leaderboards.deviations import find_deviations
from leaderboards.submission.record import Metadata, Record

TOLERANCE = 1e-6
"""How far a number may be off when the same predictions are scored again, on any machine."""

_COUNTS = ("instances", "detections", "matched")


def make_record(
    predictions: Path, target: Path, metadata: Metadata, protocols: Sequence[str], options: Options
) -> Record:
    """Score a run and return its record.

    Args:
        predictions: the predictions file.
        target: where the record will lie; it names the predictions relative to that.
        metadata: who and what.
        protocols: ids of those to score by.
        options: choices within them.

    Raises:
        ConfigError: the run is partial, has no ground truth, or a protocol cannot score it.
        UnknownNameError: no such protocol.
        ShardFormatError: the predictions are damaged.
    """
    content = read_predictions(predictions)
    limit = content.info.configuration.get("limit")
    if limit is not None:
        raise ConfigError(
            f"{predictions}: a partial run of {limit} frames cannot be submitted: "
            "run it without --limit"
        )
    return Record(
        metadata=metadata,
        predictions=os.path.relpath(predictions.resolve(), target.resolve().parent),
        checksum=_fingerprint(content),
        result=evaluate(content, protocols, options).result,
    )


def find_predictions(path: Path, record: Record) -> Path:
    """Return where the predictions lie that a record names.

    Args:
        path: the record's file.
        record: its content.

    Raises:
        ConfigError: they lie elsewhere than in the record's folder or below it: a record may come
            from anybody, and leads to no other files.
    """
    if not is_place_below(record.predictions):
        raise ConfigError(
            f"{path}: names its predictions outside its own folder "
            f"({record.predictions:.80}): give them with --predictions FILE"
        )
    return path.parent / record.predictions


def verify_record(record: Record, predictions: Path, shards: Sequence[Path] = ()) -> list[str]:
    """Score a record's predictions again; return why it is refused, nothing where it holds.

    Args:
        record: as submitted.
        predictions: the predictions file.
        shards: the data, to check the ground truth that the predictions carry; none trusts them.

    Raises:
        ShardFormatError: predictions or shards are damaged.
        UnknownNameError: a protocol of the record does not exist.
    """
    content = read_predictions(predictions)
    found = _fingerprint(content)
    if found != record.checksum:
        return [f"these are other predictions: expected {record.checksum[:12]}, got {found[:12]}"]
    if replace(content.info, environment={}) != replace(record.result.run, environment={}):
        return ["its provenance is not that of the predictions"]
    reasons = [reason for block in record.result.protocols for reason in _rescore(content, block)]
    return reasons + (_check_ground_truth(content, shards) if shards else [])


def _fingerprint(predictions: Predictions) -> str:
    return compute_checksum(predictions.tables(), predictions.arrays())


def _rescore(predictions: Predictions, block: ProtocolResult) -> list[str]:
    """Return what one protocol says otherwise than the record."""
    known = get_protocol(block.protocol).version
    if known != block.version:
        return [f"scored by {block.name}, this genbench has {block.protocol}/{known}: submit again"]
    choices = {item.name for item in fields(Options)}
    options = Options(**{name: v for name, v in block.options.items() if name in choices})
    result: Result = evaluate(predictions, [block.protocol], options).result
    deviations = find_deviations(
        _flatten(block), _flatten(result.protocols[0]), lambda _: TOLERANCE
    )
    return [deviation.describe() for deviation in deviations]


def _flatten(block: ProtocolResult) -> dict[str, float | None]:
    """Return all numbers of a protocol by their place."""
    numbers: dict[str, float | None] = {f"{block.name} frames": block.frames}
    for name, value in block.mean.items():
        numbers[f"{block.name} mean {name}"] = value
    for item in block.categories:
        place = f"{block.name} {item.category}"
        numbers |= {f"{place} {name}": getattr(item, name) for name in _COUNTS}
        numbers |= {f"{place} {name}": value for name, value in item.metrics.items()}
    return numbers


def _check_ground_truth(predictions: Predictions, shards: Sequence[Path]) -> list[str]:
    """Compare frames and ground truth of the predictions with those of the data."""
    parts = [read_shard(path) for path in shards]
    offsets = np.cumsum([0] + [len(part.frames) for part in parts])
    frames = [name for part in parts for name in part.frames.id]
    if frames != list(predictions.frames.id):
        return [f"expected the {len(frames)} frames of the shards, got {len(predictions.frames)}"]
    truths = GroundTruth.concatenate(
        [
            replace(part.ground_truth, frame=part.ground_truth.frame + offset)
            for part, offset in zip(parts, offsets[:-1], strict=True)
        ]
    )
    expected = compute_checksum({"labels": truths})
    if compute_checksum({"labels": predictions.ground_truth}) != expected:
        return ["the ground truth in the predictions is not that of the shards"]
    return []
