"""Colour crops of chosen detections, cut from the frames' images."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.errors import DataFormatError
from benchmark.texts import is_place_below

ReadImage = Callable[[Path], np.ndarray]
"""Reads a PNG: (h, w) or (h, w, 3) red, green, blue, uint8."""

CROP_PIXELS = 144
_MARGIN = 1.5
_JPEG_QUALITY = 70


def read_crop(
    tree: Path, frame: str, bbox: np.ndarray, read_image: ReadImage
) -> dict[str, Any] | None:
    """Cut a detection out of its frame's colour image; None where there is no such image.

    Args:
        tree: NOCS-layout folder.
        frame: frame id; one that is no place below the tree has no image.
        bbox: pixel box [y1, x1, y2, x2].
        read_image: reads a PNG.

    Raises:
        DataFormatError: the image is damaged.
    """
    path = tree / f"{frame}_color.png"
    if not is_place_below(frame) or not path.is_file():
        return None
    image = read_image(path)
    if image.dtype != np.uint8:
        raise DataFormatError(f"{path}: expected an 8-bit image: get the file again")
    x, y, side = place_window(bbox, image.shape[1], image.shape[0])
    crop = image[y : y + side, x : x + side]
    return {"picture": _encode(crop), "window": [x, y, crop.shape[1], crop.shape[0]]}


def place_window(bbox: np.ndarray, width: int, height: int) -> tuple[int, int, int]:
    """Return left, top and side of a square around a pixel box, moved into the image."""
    y1, x1, y2, x2 = (float(value) for value in bbox)
    side = int(max(16.0, _MARGIN * max(y2 - y1, x2 - x1)))
    left = int(np.clip((x1 + x2 - side) / 2, 0, max(0, width - side)))
    top = int(np.clip((y1 + y2 - side) / 2, 0, max(0, height - side)))
    return left, top, side


def _encode(image: np.ndarray) -> str:
    """Return an image as a JPEG data URI of at most `CROP_PIXELS` a side."""
    import cv2

    scale = CROP_PIXELS / max(image.shape[:2])
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    stored = np.ascontiguousarray(image[..., ::-1] if image.ndim == 3 else image)
    _, data = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")
