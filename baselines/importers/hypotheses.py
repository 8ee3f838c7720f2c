"""The candidate poses and energies that some P1 and all P4 dictionaries hold."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from baselines.importers.record import check_count, convert_array, take_array
from benchmark.errors import DataFormatError

_KEY = "multi_hypothesis_pred_RTs"
_LARGEST = 1e6
_SCALE_TOLERANCE = 1e-2


def read_hypotheses(
    content: Mapping[str, Any], where: str, kept: np.ndarray, notes: list[str]
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Read the candidate poses (M, K, 3, 4) and their energies (M, K, 2), where there are any.

    Args:
        content: the columns of one image.
        where: file and entry, for error messages.
        kept: mask (rows,) of the detections to keep.
        notes: receives what had to be assumed.

    Raises:
        DataFormatError: not poses without scale, or not as many as detections.
    """
    if _KEY not in content or not len(kept):
        return None, None
    shape = convert_array(content[_KEY], _KEY, where).shape
    count = shape[1] if len(shape) == 4 and shape[1] else 1
    candidates = take_array(content, _KEY, (count, 4, 4), where)
    check_count(len(candidates), len(kept), _KEY, where)
    bounded = (np.abs(candidates) < _LARGEST).all()
    if not bounded or (candidates[..., 3, :] != [0, 0, 0, 1]).any():
        raise DataFormatError(f"{where}: '{_KEY}' should hold poses in metres, ending in 0 0 0 1")
    scale_error = np.abs(np.linalg.det(candidates[..., :3, :3].astype(float)) - 1)
    if (scale_error > _SCALE_TOLERANCE).any():
        raise DataFormatError(f"{where}: '{_KEY}' should hold rotations without scale")
    hypotheses = candidates[kept, :, :3, :]
    if hypotheses.dtype not in (np.float32, np.float64):
        hypotheses = hypotheses.astype(float)
    return hypotheses, _read_energies(content, count, where, kept, notes)


def _read_energies(
    content: Mapping[str, Any], count: int, where: str, kept: np.ndarray, notes: list[str]
) -> np.ndarray | None:
    """Read energies as float32, which is what networks compute, whatever the file holds them in."""
    if "energy" not in content:
        return None
    energies = take_array(content, "energy", (count, 2), where)
    check_count(len(energies), len(kept), "energy", where)
    with np.errstate(over="ignore"):
        single = energies.astype(np.float32)
    if not np.isfinite(single).all():
        raise DataFormatError(f"{where}: 'energy' should be finite")
    if not np.array_equal(single, energies):
        notes.append("energies were rounded to float32")
    return np.asarray(single[kept])
