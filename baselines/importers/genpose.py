"""P4: one pickle from image path to result, as GenPose writes it, with hypotheses and energies."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from baselines.importers.names import parse_frame_path
from baselines.importers.nocs import read_frame
from baselines.importers.record import ImportedFrame
from baselines.importers.sources import Document
from benchmark.errors import DataFormatError


def read_document(document: Document) -> list[ImportedFrame]:
    """Read the dictionary; every key names an image.

    Raises:
        DataFormatError: an entry has no 'result'.
    """
    return [_read_entry(str(key), entry, document) for key, entry in document.content.items()]


def _read_entry(key: str, entry: Any, document: Document) -> ImportedFrame:
    where = f"{document.where}, '{key[:80]}'"
    if not isinstance(entry, Mapping) or not isinstance(entry.get("result"), Mapping):
        raise DataFormatError(f"{where}: expected a dictionary with 'result'")
    result = entry["result"]
    try:
        source = {"key": key, "entry": _describe_entry(entry, result)}
    except (TypeError, ValueError, OverflowError) as error:
        raise DataFormatError(f"{where}: unreadable 'cat_id' or 'valid_inst' ({error})") from error
    return read_frame(result, parse_frame_path(key, where), where, source=source)


def _describe_entry(entry: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands beside the result, without point clouds and images.

    The usual `cat_id` and `valid_inst`, which say that every detection is valid, are not repeated.
    """
    classes = _read_whole(result.get("pred_class_ids", ()))
    usual = {"cat_id": [c - 1 for c in classes], "valid_inst": list(range(len(classes)))}
    described: dict[str, Any] = {"keys": [str(name) for name in entry]}
    for name, expected in usual.items():
        if name in entry:
            value = _read_whole(entry[name])
            if value != expected:
                described[name] = value
    return described


def _read_whole(values: Any) -> list[int]:
    """Return whole numbers from a list or an array."""
    return [int(value) for value in np.asarray(values).reshape(-1).tolist()]
