"""Run-length encoded masks of COCO, through pycocotools, with the checks that it does not make."""

from typing import Any

import numpy as np

from benchmark.errors import DataFormatError

_MAX_POLYGON_NUMBERS = 8192


def decode_rle(rle: Any, image_size: tuple[int, int]) -> np.ndarray:
    """Decode a COCO mask: compressed or plain run lengths, or polygons.

    Args:
        rle: {"size": [h, w], "counts": text, bytes or list}, or a list of polygons.
        image_size: width, height in pixels that the mask must have.

    Returns:
        (h, w) bool.

    Raises:
        DataFormatError: not a mask of this size. (pycocotools itself returns uninitialised memory
            for run lengths that are too short.)
    """
    from pycocotools import mask as coco

    width, height = image_size
    if isinstance(rle, list):
        parts = coco.frPyObjects(_check_polygons(rle, 2 * max(image_size)), height, width)
        return np.asarray(coco.decode(coco.merge(parts)), dtype=bool)
    if not isinstance(rle, dict) or not {"size", "counts"} <= rle.keys():
        raise DataFormatError("expected a mask with the keys size and counts, or polygons")
    if not isinstance(rle["size"], list | tuple) or list(rle["size"]) != [height, width]:
        raise DataFormatError(f"expected a mask of {height}x{width}, got {rle['size']!r:.40}")
    runs = _read_runs(rle["counts"])
    if sum(runs) != height * width or min(runs, default=0) < 0:
        raise DataFormatError(f"run lengths do not add up to {height}x{width} pixels")
    compressed = coco.frPyObjects({"size": [height, width], "counts": runs}, height, width)
    return np.asarray(coco.decode(compressed), dtype=bool)


def encode_rle(mask: np.ndarray) -> dict[str, Any]:
    """Encode a mask (h, w) as a compressed COCO mask that JSON can hold."""
    from pycocotools import mask as coco

    rle = coco.encode(np.asfortranarray(mask != 0, dtype=np.uint8))
    return {"size": [int(n) for n in rle["size"]], "counts": rle["counts"].decode("ascii")}


def _check_polygons(polygons: list[Any], reach: int) -> list[list[float]]:
    """Check the form and bound the work: pycocotools walks along every edge, however long."""
    if not polygons:
        raise DataFormatError("expected at least one polygon")
    for polygon in polygons:
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
            raise DataFormatError("expected polygons as lists of x, y, x, y, x, y, ...")
        if not all(type(n) in (int, float) and abs(n) <= reach for n in polygon):
            raise DataFormatError("expected polygon corners inside the image")
    if sum(len(polygon) for polygon in polygons) > _MAX_POLYGON_NUMBERS:
        raise DataFormatError(f"expected at most {_MAX_POLYGON_NUMBERS} numbers of polygons")
    return polygons


def _read_runs(counts: Any) -> list[int]:
    """Return run lengths, background first, from their list or their compressed text."""
    if isinstance(counts, list):
        if not all(type(n) is int for n in counts):
            raise DataFormatError("expected whole run lengths")
        return counts
    if isinstance(counts, str):
        counts = counts.encode("latin1", "replace")
    if not isinstance(counts, bytes):
        raise DataFormatError("expected run lengths as text or as a list")
    return _decompress_runs(counts)


def _decompress_runs(text: bytes) -> list[int]:
    """Decode COCO's variable-length numbers: five bits a character, differences after the third."""
    runs: list[int] = []
    value = shift = 0
    for character in text:
        bits = character - 48
        if not 0 <= bits < 64 or shift > 30:
            raise DataFormatError("damaged run lengths")
        value |= (bits & 0x1F) << shift
        shift += 5
        if not bits & 0x20:
            if bits & 0x10:
                value -= 1 << shift
            runs.append(value + runs[-2] if len(runs) > 2 else value)
            value = shift = 0
    if shift:
        raise DataFormatError("truncated run lengths")
    return runs
