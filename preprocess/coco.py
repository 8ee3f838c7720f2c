"""Detections of many images in one COCO file: RLE masks or polygons, through pycocotools."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.categories import CATEGORIES, get_category
from benchmark.errors import DataFormatError, UnknownNameError
from benchmark.reading import read_json
from benchmark.rle import decode_rle
from preprocess.detections import FrameDetections, build_detections

MAX_BYTES = 2**29


@dataclass(frozen=True, kw_only=True)
class CocoResult:
    """One detected object of a COCO file.

    Attributes:
        id: `id` of the annotation, its position in the file where it has none.
        category: class id, 1 to 6.
        bbox: y1, x1, y2, x2 in whole pixels around COCO's x, y, w, h.
        confidence: `score`, 1 where it has none.
        segmentation: the mask as stored; `decode_results` decodes it.
    """

    id: int
    category: int
    bbox: tuple[int, int, int, int]
    confidence: float
    segmentation: Any


def read_coco(path: Path) -> dict[str, list[CocoResult]]:
    """Read a COCO file: image name to its objects, in the order of the file.

    The file is a list of results (`image_id`, `category_id`, `bbox`, `score`, `segmentation`), or
    a data set with `images`, `categories` and such `annotations`. An image is named by its
    `file_name` without ending, or by an `image_id` that is a text; a category by its name, or by
    its class id. Objects of other categories are left out.

    Raises:
        DataFormatError: not JSON, or not of this form.
    """
    content = read_json(path, MAX_BYTES)
    results = content.get("annotations") if isinstance(content, dict) else content
    if not isinstance(results, list):
        raise DataFormatError(f"{path}: expected a list of COCO results, or annotations")
    images = _read_names(path, content, "images", "file_name")
    categories = _read_categories(path, content)
    found: dict[str, list[CocoResult]] = {name: [] for name in images.values()}
    for index, result in enumerate(results):
        where = f"{path}: result {index}"
        if not isinstance(result, dict):
            raise DataFormatError(f"{where}: expected an object, got {result!r:.40}")
        name = _look_up(images, result.get("image_id"))
        if not isinstance(name, str):
            raise DataFormatError(f"{where}: expected an image_id that is a name or listed")
        category = _look_up(categories, result.get("category_id"))
        if category in [item.id for item in CATEGORIES]:
            found.setdefault(name, []).append(_parse_result(where, result, index, category))
    return found


def decode_results(
    where: str, results: Sequence[CocoResult], image_size: tuple[int, int]
) -> FrameDetections:
    """Decode the masks of one image's results.

    Args:
        where: file and image, for messages.
        results: of one image.
        image_size: width, height in pixels.

    Raises:
        DataFormatError: a mask is damaged or has another size.
    """
    masks = np.zeros((image_size[1], image_size[0], len(results)), dtype=bool)
    for row, result in enumerate(results):
        try:
            masks[..., row] = decode_rle(result.segmentation, image_size)
        except DataFormatError as error:
            raise DataFormatError(f"{where}, object {result.id}: {error}") from error
    columns = {
        "class_ids": [result.category for result in results],
        "rois": [result.bbox for result in results],
        "scores": [result.confidence for result in results],
        "masks": masks,
    }
    return build_detections(where, columns, image_size)


def _read_names(path: Path, content: Any, table: str, key: str) -> dict[int | str, str]:
    """Return id to name of a data set's `images` or `categories`; empty for a list of results."""
    rows = content.get(table, []) if isinstance(content, dict) else []
    if not isinstance(rows, list):
        raise DataFormatError(f"{path}: expected {table} to be a list")
    names: dict[int | str, str] = {}
    for row in rows:
        fits = isinstance(row, dict) and type(row.get("id")) in (int, str)
        if not fits or not isinstance(row.get(key), str):
            raise DataFormatError(f"{path}: expected {table} with id and {key}")
        names[row["id"]] = row[key].rsplit(".", 1)[0] if key == "file_name" else row[key]
    return names


def _read_categories(path: Path, content: Any) -> dict[int | str, int]:
    """Return category_id to class id, 0 for a category that is none of the six."""
    classes: dict[int | str, int] = {}
    for id_, name in _read_names(path, content, "categories", "name").items():
        try:
            classes[id_] = get_category(name.strip().lower()).id
        except UnknownNameError:
            classes[id_] = 0
    return classes


def _look_up(names: dict[int | str, Any], key: Any) -> Any:
    """Return what an id stands for; the id itself where there is no table."""
    if type(key) not in (int, str):
        return None
    return names.get(key) if names else key


def _parse_result(where: str, result: dict[str, Any], index: int, category: int) -> CocoResult:
    box, confidence = result.get("bbox"), result.get("score", 1.0)
    numbers = [*box, confidence] if isinstance(box, list) and len(box) == 4 else []
    if not numbers or not all(type(n) in (int, float) and abs(n) < 2**20 for n in numbers):
        raise DataFormatError(f"{where}: expected a bbox of x, y, w, h and a score")
    x, y, w, h = box  # type: ignore[misc]
    return CocoResult(
        id=result["id"] if type(result.get("id")) is int else index,
        category=category,
        bbox=(int(np.floor(y)), int(np.floor(x)), int(np.ceil(y + h)), int(np.ceil(x + w))),
        confidence=float(confidence),
        segmentation=result.get("segmentation"),
    )
