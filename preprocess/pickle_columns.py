"""Columns of the pickles that come with NOCS: checked for type and shape where they are read."""

from pathlib import Path
from typing import Any

import numpy as np

from benchmark.errors import DataFormatError
from benchmark.pickles import read_pickle


def read_dictionary(path: Path) -> dict[str, Any]:
    """Read a pickle that should hold a dictionary.

    Raises:
        DataFormatError: it cannot be read, or holds something else.
    """
    content = read_pickle(path)
    if not isinstance(content, dict):
        raise DataFormatError(f"{path}: expected a dictionary, got a {type(content).__name__}")
    return content


def take_column(where: str, value: Any, shape: tuple[int | None, ...]) -> np.ndarray:
    """Return a column of a file as a finite numeric array of this shape (None is any length).

    Raises:
        DataFormatError: it is something else.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DataFormatError(f"{where}: expected an array, got unequal rows") from error
    if array.size == 0 and 0 in shape:  # without detections the other axes mean nothing
        return np.zeros([length or 0 for length in shape], dtype=bool)
    fits = array.ndim == len(shape) and all(
        wanted in (None, found) for wanted, found in zip(shape, array.shape, strict=True)
    )
    if array.dtype.kind not in "biuf" or not fits:
        expected = " x ".join("n" if length is None else str(length) for length in shape)
        raise DataFormatError(
            f"{where}: expected numbers of shape {expected}, got {array.dtype} {array.shape}"
        )
    if array.dtype.kind == "f" and not np.all(np.isfinite(array)):
        raise DataFormatError(f"{where}: expected finite numbers")
    return array
