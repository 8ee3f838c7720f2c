"""The result of an evaluation: dataclasses, and result.json's writer and reader in one place."""

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmark.categories import CATEGORY_NAMES
from benchmark.errors import DataFormatError
from benchmark.predictions import RunInfo
from benchmark.reading import read_json
from benchmark.replacing import replacing

RESULT_NAME = "result.json"
SCHEMA_VERSION = 1
_FORMAT = "genbench-result"

Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class CategoryResult:
    """One category under one protocol.

    Attributes:
        category: name.
        instances: annotated objects.
        detections: detections of the category.
        matched: objects that a detection was matched to.
        metrics: AP in percent (`5deg_2cm`, `iou_50`), errors (`median_deg`, `median_cm`); NaN
            where there is nothing to measure.
        intervals: 95 % bootstrap interval of some of the metrics.
    """

    category: str
    instances: int
    detections: int
    matched: int
    metrics: dict[str, float]
    intervals: dict[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ProtocolResult:
    """All categories under one protocol.

    Attributes:
        protocol, version: which rules.
        options: the choices within them.
        frames: number of frames.
        categories: six, in the order of their ids.
        mean: mean over the six categories; empty unless all of them have instances.
        mean_intervals: likewise.
        missing: names of the categories without instances.
        notes: what a reader of the table has to know.
    """

    protocol: str
    version: int
    options: dict[str, Any]
    frames: int
    categories: tuple[CategoryResult, ...]
    mean: dict[str, float] = field(default_factory=dict)
    mean_intervals: dict[str, Interval] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Id and version of the protocol."""
        return f"{self.protocol}/{self.version}"


@dataclass(frozen=True, kw_only=True)
class Result:
    """One set of predictions under one or more protocols.

    Attributes:
        run: what the predictions say of themselves, fingerprints included.
        protocols: one block each.
        environment: genbench's version, machine and time of the evaluation.
        seconds: how long the evaluation took.
    """

    run: RunInfo
    protocols: tuple[ProtocolResult, ...]
    environment: dict[str, Any]
    seconds: float

    @property
    def hypotheses_per_s(self) -> float | None:
        """Hypotheses per second of the run, None where it is not known."""
        return self.run.environment.get("hypotheses_per_second")


def summarise(categories: list[CategoryResult], **block: Any) -> ProtocolResult:
    """Add the mean over categories, or say which of them are missing.

    Args:
        categories: any of the six.
        block: the other fields of `ProtocolResult`.
    """
    present = {item.category for item in categories if item.instances}
    missing = tuple(name for name in CATEGORY_NAMES if name not in present)
    mean: dict[str, float] = {}
    if not missing:
        names = categories[0].metrics
        mean = {n: sum(c.metrics[n] for c in categories) / len(categories) for n in names}
    return ProtocolResult(categories=tuple(categories), mean=mean, missing=missing, **block)


def to_document(result: Result) -> dict[str, Any]:
    """Return the result as plain values for JSON: NaN becomes None."""
    document = {
        "format": _FORMAT,
        "schema_version": SCHEMA_VERSION,
        "run": asdict(result.run),
        "environment": result.environment | {"seconds": result.seconds},
        "protocols": {block.protocol: asdict(block) for block in result.protocols},
    }
    return dict(_replace_nan(document))


def write_result(path: Path, result: Result) -> None:
    """Write result.json."""
    with replacing(path) as temporary:
        temporary.write_text(f"{json.dumps(to_document(result), indent=1)}\n", encoding="utf-8")


def read_result(path: Path) -> Result:
    """Read result.json.

    Raises:
        DataFormatError: it is not a result of this or an older schema.
    """
    return parse_document(read_json(path), str(path))


def parse_document(document: Any, where: str) -> Result:
    """Return the result that `to_document` made plain values of.

    Args:
        document: from JSON.
        where: what to call it in errors.

    Raises:
        DataFormatError: it is not a result of this or an older schema.
    """
    try:
        if document["format"] != _FORMAT or document["schema_version"] > SCHEMA_VERSION:
            raise DataFormatError(
                f"{where}: expected format {_FORMAT} of schema {SCHEMA_VERSION} or older, got "
                f"{document['format']} of {document['schema_version']}: evaluate again"
            )
        run = document["run"] | {"assumptions": tuple(document["run"]["assumptions"])}
        environment = {"seconds": document.get("seconds")} | document["environment"]
        return Result(
            run=RunInfo(**run),
            protocols=tuple(_parse_block(block) for block in document["protocols"].values()),
            seconds=environment.pop("seconds"),
            environment=environment,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise DataFormatError(
            f"{where}: not a genbench result ({error}): evaluate again"
        ) from error


def _parse_block(block: dict[str, Any]) -> ProtocolResult:
    categories = [
        item | {"metrics": _restore_nan(item["metrics"]), "intervals": _tuples(item["intervals"])}
        for item in block["categories"]
    ]
    parsed = {
        "categories": tuple(CategoryResult(**item) for item in categories),
        "mean": _restore_nan(block["mean"]),
        "mean_intervals": _tuples(block["mean_intervals"]),
        "missing": tuple(block["missing"]),
        "notes": tuple(block["notes"]),
    }
    return ProtocolResult(**(block | parsed))


def _tuples(intervals: dict[str, list[float]]) -> dict[str, Interval]:
    return {name: (low, high) for name, (low, high) in intervals.items()}


def _restore_nan(metrics: dict[str, float | None]) -> dict[str, float]:
    return {name: math.nan if value is None else value for name, value in metrics.items()}


def _replace_nan(value: Any) -> Any:
    match value:
        case dict():
            return {key: _replace_nan(item) for key, item in value.items()}
        case list() | tuple():
            return [_replace_nan(item) for item in value]
        case float() if math.isnan(value):
            return None
        case _:
            return value
