"""Images as NOCS encodes them, and files that are no such images."""

import struct
import time
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmark.errors import DataFormatError
from preprocess.images import (
    check_same_size,
    decode_coordinates,
    read_coordinate_map,
    read_depth,
    read_mask,
    read_png,
    read_png_size,
)

DEPTH = np.array([[0, 500, 1234], [65535, 32001, 256]], np.uint16)


def write(path: Path, image: np.ndarray) -> Path:
    assert cv2.imwrite(str(path), image)
    return path


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def make_png(width: int, height: int, colour: int = 0, data: bytes = b"", bits: int = 8) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def test_depth_of_both_encodings_is_the_same(tmp_path: Path) -> None:
    packed = np.zeros((*DEPTH.shape, 3), np.uint8)  # blue, green, red
    packed[..., 1], packed[..., 2] = DEPTH >> 8, DEPTH & 255
    packed[..., 0] = 77
    expected = np.where(DEPTH == 32001, 0, DEPTH)
    for name, image in (("grey", DEPTH), ("packed", packed)):
        depth = read_depth(write(tmp_path / f"{name}.png", image))
        assert depth.dtype == np.uint16
        np.testing.assert_array_equal(depth, expected)


def test_mask_is_the_grey_value_or_the_red_channel(tmp_path: Path) -> None:
    ids = np.array([[1, 2], [255, 0]], np.uint8)
    for channels in (3, 4):
        image = np.full((2, 2, channels), 9, np.uint8)
        image[..., 2] = ids
        np.testing.assert_array_equal(read_mask(write(tmp_path / "m.png", image)), ids)
    np.testing.assert_array_equal(read_mask(write(tmp_path / "m.png", ids)), ids)


def test_coordinates_are_red_green_and_mirrored_blue(tmp_path: Path) -> None:
    image = np.array([[[0, 51, 255]]], np.uint8)  # blue, green, red
    stored = read_coordinate_map(write(tmp_path / "c.png", image))
    np.testing.assert_array_equal(stored, [[[255, 51, 0]]])
    np.testing.assert_allclose(decode_coordinates(stored), [[[0.5, -0.3, 0.5]]], atol=1e-6)


@pytest.mark.parametrize(
    ("colour", "channels", "bits"),
    [(0, 1, 1), (0, 1, 2), (0, 1, 4)]
    + [(*form, bits) for form in ((0, 1), (2, 3), (4, 2), (6, 4)) for bits in (8, 16)],
)
def test_every_form_and_line_filter_is_read_as_libpng_reads_it(
    tmp_path: Path, colour: int, channels: int, bits: int
) -> None:
    rng = np.random.default_rng(bits)
    lines = [bytes([row % 5]) + rng.bytes((13 * bits * channels + 7) // 8) for row in range(11)]
    content = make_png(13, 11, colour, zlib.compress(b"".join(lines)), bits)
    path = tmp_path / "image.png"
    path.write_bytes(content)
    expected = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    expected = expected if expected.ndim == 2 else expected[..., 2::-1]
    found = read_png(path)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("read", "image"),
    [
        (read_depth, np.zeros((2, 2), np.uint8)),
        (read_depth, np.zeros((2, 2, 3), np.uint16)),
        (read_mask, np.zeros((2, 2), np.uint16)),
        (read_coordinate_map, np.zeros((2, 2), np.uint8)),
        (read_coordinate_map, np.zeros((2, 2, 3), np.uint16)),
    ],
)
def test_images_of_another_form_are_refused(tmp_path: Path, read, image: np.ndarray) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataFormatError, match=r"image\.png: expected"):
        read(write(tmp_path / "image.png", image))


def test_every_truncation_and_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "depth.png"
    image = np.random.default_rng(0).integers(0, 2000, (20, 30)).astype(np.uint16)
    good = write(path, image).read_bytes()
    for length in range(0, len(good), 7):
        path.write_bytes(good[:length])
        with pytest.raises(DataFormatError):
            read_png(path)
    for place in range(8, len(good), 11):
        path.write_bytes(good[:place] + bytes([good[place] ^ 16]) + good[place + 1 :])
        with pytest.raises(DataFormatError):
            read_png(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"\x89PNG\r\n\x1a\n",
        make_png(0, 10),
        make_png(10, 10, colour=3, data=zlib.compress(bytes(110))),
        make_png(10, 10, data=b"not deflate"),
        make_png(10, 10, data=zlib.compress(bytes(5))),
        b"\xff\xd8\xff\xe0" + bytes(100),
    ],
)
def test_what_is_no_png_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(content)
    with pytest.raises(DataFormatError, match=r"image\.png: "):
        read_png(path)


@pytest.mark.reliability
def test_png_bombs_are_refused_before_decoding(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    for width, height in ((60_000, 60_000), (2**31 - 1, 2**31 - 1), (1, 2**31 - 1)):
        path.write_bytes(make_png(width, height, data=zlib.compress(bytes(10**6))))
        start = time.monotonic()
        with pytest.raises(DataFormatError, match="pixels"):
            read_png(path)
        assert time.monotonic() - start < 1


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataFormatError, match=r"none\.png: cannot be read"):
        read_png(tmp_path / "none.png")
    with pytest.raises(DataFormatError, match=r"none\.png: cannot be read"):
        read_png_size(tmp_path / "none.png")


def test_size_without_decoding(tmp_path: Path) -> None:
    assert read_png_size(write(tmp_path / "a.png", np.zeros((5, 8), np.uint8))) == (8, 5)


def test_images_of_different_sizes_are_named() -> None:
    same = {
        Path("a/0000_depth.png"): np.zeros((4, 6)),
        Path("a/0000_mask.png"): np.zeros((4, 6, 3)),
    }
    check_same_size(same)
    with pytest.raises(DataFormatError, match=r"mask\.png: expected 6x4 .*depth\.png, got 5x4"):
        check_same_size(same | {Path("a/0000_mask.png"): np.zeros((4, 5))})
