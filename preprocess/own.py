"""Own data: depth and mask images with intrinsics and categories, and no ground truth.

`docs/own-data.md` describes the folder for its users.
"""

import csv
import math
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path, PurePath
from typing import Any

from benchmark.categories import get_category
from benchmark.errors import ConfigError, DataFormatError, UnknownNameError
from benchmark.reading import check_file, read_json, read_text
from preprocess.coco import MAX_BYTES

CONFIGURATION_FILE = "genbench.toml"
_DEPTH_SUFFIX = ".png"
_MAX_TOML_BYTES, _MAX_CSV_BYTES = 2**20, 2**28
_MAX_PLACE, _MAX_PART = 1000, 80  # characters, of up to 3 bytes


@dataclass(frozen=True, kw_only=True)
class OwnConfiguration:
    """What `genbench.toml` says of a folder of own data.

    Attributes:
        fx, fy, cx, cy: pinhole intrinsics in pixels, pixel centres at whole numbers.
        depth_scale: metres per unit of the depth images.
        depth: folder of the depth images, `<frame>.png`, one channel.
        masks: folder of instance-id images `<frame>.png`, or a COCO file of RLE masks.
        background: value of the mask images where there is no object.
        categories: CSV file with the columns frame, instance, category and, optionally, confidence.
        name: what tables call this data set.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    depth_scale: float = 0.001
    depth: str = "depth"
    masks: str = "masks"
    background: int = 0
    categories: str = "categories.csv"
    name: str = "own"


@dataclass(frozen=True, kw_only=True)
class OwnInstance:
    """One object to estimate: its id in the mask, class id and confidence (1 where not given)."""

    id: int
    category: int
    confidence: float


@dataclass(frozen=True, kw_only=True)
class OwnFrame:
    """One depth image with its objects.

    Attributes:
        id: stem of the depth image's name.
        number: position of the frame in name order.
        depth: the depth image.
        mask: the instance-id image, None where the masks are RLE.
        rles: COCO RLE mask by instance id, empty where the mask is an image.
        instances: objects in the order of the CSV file.
    """

    id: str
    number: int
    depth: Path
    mask: Path | None
    rles: Mapping[int, Any] = field(default_factory=dict)
    instances: tuple[OwnInstance, ...] = ()


def is_own_data(folder: Path) -> bool:
    """Tell whether a folder says of itself that it holds own data."""
    return (folder / CONFIGURATION_FILE).is_file()


def read_own_configuration(folder: Path) -> OwnConfiguration:
    """Read and check `genbench.toml`.

    Raises:
        ConfigError: not TOML, a key is missing or has the wrong type, or a value is impossible.
        UnknownNameError: a key that does not exist; the message suggests the nearest.
    """
    path = folder / CONFIGURATION_FILE
    try:
        values = tomllib.loads(read_text(path, _MAX_TOML_BYTES))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not TOML ({error})") from error
    known = {item.name: item for item in fields(OwnConfiguration)}
    for key, value in values.items():
        if key not in known:
            raise UnknownNameError.suggest(f"key in {path}:", key, list(known))
        values[key] = _check_type(path, key, value, known[key].type)
    missing = [k for k, item in known.items() if item.default is MISSING and k not in values]
    if missing:
        raise ConfigError(f"{path}: expected the keys fx, fy, cx, cy, missing {', '.join(missing)}")
    for key in ("fx", "fy", "depth_scale"):
        if not 0 < values.get(key, 1.0) < math.inf:
            raise ConfigError(f"{path}: expected {key} above 0, got {values[key]}")
    for key in ("depth", "masks", "categories"):
        _check_inside(path, key, values.get(key, ""))
    for key in ("cx", "cy"):
        if not math.isfinite(values[key]):
            raise ConfigError(f"{path}: expected a finite {key}, got {values[key]}")
    return OwnConfiguration(**values)


def _check_type(path: Path, key: str, value: Any, expected: Any) -> Any:
    if expected is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not expected:
        raise ConfigError(f"{path}: expected {key} to be a {expected.__name__}, got {value!r}")
    return value


def _check_inside(path: Path, key: str, place: str) -> None:
    """Check that a place named in the file is below the folder of the file."""
    pure = PurePath(place)
    too_long = len(place) > _MAX_PLACE or any(len(part) > _MAX_PART for part in pure.parts)
    if pure.is_absolute() or ".." in pure.parts or not place.isprintable() or too_long:
        raise ConfigError(f"{path}: expected {key} below its own folder, got {place!r:.80}")


def find_own_frames(folder: Path, configuration: OwnConfiguration) -> list[OwnFrame]:
    """Return every depth image of the folder, in name order, with the objects the CSV names.

    Raises:
        DataFormatError: no depth images, no masks, or a CSV or COCO file that cannot be read.
        UnknownNameError: a category that is none of the six.
    """
    depth = sorted((folder / configuration.depth).glob(f"*{_DEPTH_SUFFIX}"))
    if not depth:
        raise DataFormatError(
            f"{folder / configuration.depth}: expected depth images (*.png), found none"
        )
    masks = folder / configuration.masks
    if not masks.exists():
        raise DataFormatError(f"{masks}: expected a folder of mask images or a COCO file")
    rles = {} if masks.is_dir() else read_coco_masks(masks)
    instances = read_instances(folder / configuration.categories)
    _check_frames_exist(folder / configuration.categories, set(instances), depth)
    return [
        OwnFrame(
            id=path.stem,
            number=number,
            depth=path,
            mask=masks / path.name if masks.is_dir() else None,
            rles=rles.get(path.stem, {}),
            instances=tuple(instances.get(path.stem, ())),
        )
        for number, path in enumerate(depth)
    ]


def _check_frames_exist(path: Path, named: set[str], depth: list[Path]) -> None:
    unknown = sorted(named - {image.stem for image in depth})
    if unknown:
        raise DataFormatError(
            f"{path}: frame '{unknown[0]}' has no depth image ({len(unknown)} such frames): "
            "expected file names without .png in the column frame"
        )


def read_instances(path: Path) -> dict[str, list[OwnInstance]]:
    """Read the CSV of categories: frame name to its objects, in the order of the file.

    Raises:
        DataFormatError: the file or a column is missing, or a row cannot be read.
        UnknownNameError: a category that is none of the six.
    """
    if not path.is_file():
        raise DataFormatError(
            f"{path}: no such file: write a CSV with the columns frame,instance,category"
        )
    instances: defaultdict[str, list[OwnInstance]] = defaultdict(list)
    for line, row in _read_rows(path):
        where, frame = f"{path}:{line}", row["frame"]
        instance = _read_instance(where, row)
        if instance.id in [other.id for other in instances[frame]]:
            raise DataFormatError(f"{where}: instance {instance.id} of {frame} stands there twice")
        instances[frame].append(instance)
    return dict(instances)


def _read_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the line number and the columns of every row."""
    check_file(path, _MAX_CSV_BYTES)
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle, skipinitialspace=True)
            missing = {"frame", "instance", "category"} - set(reader.fieldnames or ())
            if missing:
                raise DataFormatError(
                    f"{path}: missing column {', '.join(sorted(missing))}: "
                    "expected frame,instance,category and optionally confidence"
                )
            for row in reader:
                yield reader.line_num, row
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataFormatError(f"{path}: not CSV in UTF-8 ({error}): save it as such") from error


def _read_instance(where: str, row: dict[str, str]) -> OwnInstance:
    try:
        identifier = int(row["instance"])
        confidence = float(row.get("confidence") or 1.0)
    except (TypeError, ValueError) as error:
        raise DataFormatError(
            f"{where}: instance or confidence is not a number: {error}"
        ) from error
    if not 0 <= confidence <= 1:
        raise DataFormatError(f"{where}: expected a confidence from 0 to 1, got {confidence}")
    try:
        category = get_category((row["category"] or "").strip().lower())
    except UnknownNameError as error:
        raise UnknownNameError(f"{where}: {error}") from error
    return OwnInstance(id=identifier, category=category.id, confidence=confidence)


def read_coco_masks(path: Path) -> dict[str, dict[int, Any]]:
    """Read the RLE masks of a COCO file: frame name to instance id (annotation id) to RLE.

    Raises:
        DataFormatError: not JSON, not in COCO's form, or without segmentations.
    """
    try:
        content = read_json(path, MAX_BYTES)
        names = {image["id"]: Path(image["file_name"]).stem for image in content["images"]}
        rles: defaultdict[str, dict[int, Any]] = defaultdict(dict)
        for annotation in content["annotations"]:
            rles[names[annotation["image_id"]]][annotation["id"]] = annotation["segmentation"]
    except (KeyError, TypeError) as error:
        raise DataFormatError(
            f"{path}: expected COCO JSON with images and annotations: {error!r}"
        ) from error
    return dict(rles)
