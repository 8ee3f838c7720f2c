"""Reading the PNG files of a frame: depth, instance mask and coordinate map.

kornia-rs decodes, only after the file's own size and checksums have been checked here: measured on
640x480, 1.9 ms for 16-bit depth and 0.15 ms for a mask, where OpenCV, Pillow and imagecodecs, which
unpack by libpng, take 3.5 and 1.3 ms.
"""

import struct
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from benchmark.errors import DataFormatError
from benchmark.reading import check_file, read_bytes

BACKGROUND = 255
"""Value of a NOCS mask where there is no object."""

_MAX_PIXELS, _MAX_BYTES, _MAX_PARTS = 2**25, 2**28, 2**16
_PIXEL_PARTS = (b"IHDR", b"IDAT", b"IEND")
_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}
_MODES = {0: "mono", 2: "rgb", 6: "rgba"}
_DEFLATE_RATIO = 1032
"""Deflate cannot pack tighter."""
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PART_HEAD = struct.Struct(">I4s")
_Part = tuple[bytes, int, int]
"""Kind, start and end of a part of a PNG."""

_PALETTE = 3
_INVALID_DEPTH = 32001


def read_depth(path: Path) -> np.ndarray:
    """Read a NOCS depth image: 16-bit grey, or 8-bit colour that packs G * 256 + R.

    Returns:
        (h, w) uint16, millimetres, 0 where unknown.

    Raises:
        DataFormatError: the file is missing, damaged or of another form.
    """
    image = read_png(path)
    if image.ndim == 3 and image.dtype == np.uint8:
        red, green = image[..., 0], image[..., 1]
        image = green.astype(np.uint16)  # wider before it is shifted; in place is 4 times as fast
        image <<= 8
        image |= red
    if image.ndim != 2 or image.dtype != np.uint16:
        raise DataFormatError(
            f"{path}: expected 16-bit grey or 8-bit colour depth, got {_describe(image)}"
        )
    image[image == _INVALID_DEPTH] = 0
    return image


def read_mask(path: Path) -> np.ndarray:
    """Read a NOCS instance mask: 8-bit, the id is the grey value or the red channel.

    Returns:
        (h, w) uint8 instance ids as stored; see `frames.mark_background`.

    Raises:
        DataFormatError: the file is missing, damaged or of another form.
    """
    image = read_png(path)
    if image.dtype != np.uint8:
        raise DataFormatError(f"{path}: expected an 8-bit mask, got {_describe(image)}")
    ids = image if image.ndim == 2 else image[..., 0]
    return np.ascontiguousarray(ids)  # it is compared with every id


def read_coordinate_map(path: Path) -> np.ndarray:
    """Read a NOCS coordinate map as stored; `decode_coordinates` gives it meaning.

    Returns:
        (h, w, 3) uint8 red, green, blue.

    Raises:
        DataFormatError: the file is missing, damaged or of another form.
    """
    image = read_png(path)
    if image.dtype != np.uint8 or image.ndim != 3:
        raise DataFormatError(f"{path}: expected an 8-bit colour map, got {_describe(image)}")
    return image


def decode_coordinates(rgb: np.ndarray) -> np.ndarray:
    """Return the centred NOCS coordinates (..., 3) float32 of coordinate map values (..., 3) uint8.

    The map stores x, y and 1 - z in units of the object's diagonal, from 0 to 1.
    """
    coordinates = rgb.astype(np.float32) / np.float32(255)
    coordinates[..., 2] = 1 - coordinates[..., 2]
    return coordinates - np.float32(0.5)


def read_png(path: Path) -> np.ndarray:
    """Read a PNG file as it is stored.

    Returns:
        (h, w) grey or (h, w, 3) red, green, blue without alpha; uint8 or uint16.

    Raises:
        DataFormatError: missing, not a PNG, damaged, absurdly large, or with a palette.
    """
    data = read_bytes(path, _MAX_BYTES)
    problem, parts = _find_header_problem(data), []
    if not problem:
        parts = list(islice(_iterate_parts(data), _MAX_PARTS + 1))
        problem = _find_part_problem(data, parts)
    if problem:
        raise DataFormatError(f"{path}: {problem}: get the file again")
    image = _decode(_keep_pixels(data, parts))
    if image is None:
        raise DataFormatError(f"{path}: damaged image data: get the file again")
    return image


def _decode(data: bytes) -> np.ndarray | None:
    """Return the values of a PNG that was checked, None where its image data are damaged."""
    import kornia_rs.io

    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    if depth not in (8, 16) or colour not in _MODES:
        return _decode_rare(data)
    decode = kornia_rs.io.decode_image_png_u16 if depth == 16 else kornia_rs.io.decode_image_png_u8
    try:
        image: np.ndarray = decode(data, (height, width), _MODES[colour])
    except Exception:  # it raises nothing more special
        return None
    return image[..., 0] if image.shape[2] == 1 else image[..., :3]


def _decode_rare(data: bytes) -> np.ndarray | None:
    """Decode what the other decoder does not know: fewer than 8 bits, grey with alpha."""
    import cv2

    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.ndim == 2:
        return image
    return image[..., 2::-1]  # OpenCV: blue, green, red (, alpha)


def read_png_size(path: Path) -> tuple[int, int]:
    """Read width and height of a PNG file from its header.

    Raises:
        DataFormatError: the file is missing or no PNG.
    """
    check_file(path, _MAX_BYTES)
    try:
        with path.open("rb") as file:
            head = file.read(24)
    except OSError as error:
        raise DataFormatError(f"{path}: cannot be read ({error.strerror})") from error
    if len(head) < 24 or not head.startswith(_SIGNATURE):
        raise DataFormatError(f"{path}: not a PNG file")
    width, height = struct.unpack(">II", head[16:24])
    return width, height


def _find_header_problem(data: bytes) -> str:
    """Return why these bytes do not start a PNG that can be decoded safely; empty if they do."""
    if not data.startswith(_SIGNATURE + b"\0\0\0\rIHDR") or len(data) < 33:
        return "not a PNG file"
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    if not 0 < width * height <= _MAX_PIXELS:
        return f"{width}x{height} pixels, expected 1 to {_MAX_PIXELS}"
    if colour == _PALETTE:
        return "has a palette, expected grey or colour values"
    if colour not in _CHANNELS or depth not in (1, 2, 4, 8, 16):
        return f"colour type {colour} with {depth} bits, which no PNG has"
    return ""


def _find_part_problem(data: bytes, parts: list[_Part]) -> str:
    """Return what is wrong with the parts of a PNG whose header is fine; empty if nothing is."""
    if len(parts) > _MAX_PARTS:
        return f"more than {_MAX_PARTS} parts"
    view = memoryview(data)
    for kind, start, end in parts:
        if zlib.crc32(view[start + 4 : end - 4]) != int.from_bytes(view[end - 4 : end]):
            return f"damaged (checksum of its {kind!r:.20} part)"
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    packed = sum(end - start - 12 for kind, start, end in parts if kind == b"IDAT")
    bits = width * height * depth * _CHANNELS[colour]
    if not parts or parts[-1][0] != b"IEND" or 8 * _DEFLATE_RATIO * packed < bits:
        return "truncated"
    return ""


def _iterate_parts(data: bytes) -> Iterator[_Part]:
    """Yield every whole part of a PNG, up to its last."""
    position, kind = len(_SIGNATURE), b""
    while kind != b"IEND" and position + 12 <= len(data):
        length, kind = _PART_HEAD.unpack_from(data, position)
        start, position = position, position + 12 + length
        if position > len(data):
            return
        yield kind, start, position


def _keep_pixels(data: bytes, parts: list[_Part]) -> bytes:
    """Return a PNG without its optional parts: colour profiles, texts and animations can be bombs.

    None of them changes the stored values.
    """
    if all(kind in _PIXEL_PARTS for kind, _, _ in parts):
        return data[: parts[-1][2]]  # the whole file, as a rule, which is not copied
    kept = [data[start:end] for kind, start, end in parts if kind in _PIXEL_PARTS]
    return b"".join((_SIGNATURE, *kept))


def check_same_size(images: dict[Path, np.ndarray]) -> None:
    """Check that images of one frame have the same height and width.

    Raises:
        DataFormatError: they differ; the message names the first two that do.
    """
    (first, image), *others = images.items()
    for path, other in others:
        if other.shape[:2] != image.shape[:2]:
            raise DataFormatError(
                f"{path}: expected {_describe_size(image)} pixels as in {first.name}, "
                f"got {_describe_size(other)}"
            )


def _describe_size(image: np.ndarray) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"


def _describe(image: np.ndarray) -> str:
    channels = 1 if image.ndim == 2 else image.shape[2]
    return f"{8 * image.itemsize}-bit with {channels} channel(s)"
