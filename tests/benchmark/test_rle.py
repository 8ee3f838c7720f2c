"""COCO masks: round trips, pycocotools' own encoding, and input that it would read past its end."""

from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco

from benchmark.errors import DataFormatError
from benchmark.rle import decode_rle, encode_rle

GOOD = {"size": [2, 3], "counts": [1, 2, 3]}


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("shape", [(480, 640), (7, 5), (1, 1)])
def test_round_trip(share: float, shape: tuple[int, int]) -> None:
    mask = np.random.default_rng(0).random(shape) < share
    rle = encode_rle(mask)
    assert rle == {"size": list(shape), "counts": rle["counts"]}
    assert isinstance(rle["counts"], str)
    np.testing.assert_array_equal(decode_rle(rle, shape[::-1]), mask)


def test_run_lengths_go_down_the_columns() -> None:
    np.testing.assert_array_equal(decode_rle(GOOD, (3, 2)), [[0, 1, 0], [1, 0, 0]])


def test_bytes_and_text_are_the_same() -> None:
    mask = np.random.default_rng(1).random((20, 30)) < 0.5
    rle = coco.encode(np.asfortranarray(mask, dtype=np.uint8))
    np.testing.assert_array_equal(decode_rle(rle, (30, 20)), mask)


def test_polygon_covers_its_inside() -> None:
    mask = decode_rle([[10, 5, 30, 5, 30, 15, 10, 15]], (40, 20))
    expected = np.zeros((20, 40), bool)
    expected[5:15, 10:30] = True
    np.testing.assert_array_equal(mask, expected)


@pytest.mark.parametrize(
    "rle",
    [
        None,
        {},
        {"size": [2, 3]},
        {"size": [3, 2], "counts": [1, 2, 3]},
        {"size": 6, "counts": [6]},
        {"size": [2, 3], "counts": [1, 2]},
        {"size": [2, 3], "counts": [1, 2, 30]},
        {"size": [2, 3], "counts": [10, -4]},
        {"size": [2, 3], "counts": [1.5, 4.5]},
        {"size": [2, 3], "counts": 6},
        {"size": [2, 3], "counts": ""},
        {"size": [2, 3], "counts": "o" * 1000},
        {"size": [2, 3], "counts": "\u4e00"},
        {"size": [2, 3], "counts": b"\xff\x00abc"},
        {"size": [2, 3], "counts": encode_rle(np.ones((2, 2), bool))["counts"]},
        [],
        [[1, 2, 3, 4]],
        [[1, 2, 3, 4, 5, "6"]],
        [[1, 2, 3, 4, 5, 1e9]],
        [[1, 2, 3, 4, 5, float("nan")]],
        [[1, 2] * 5000],
        [{"x": 1}],
    ],
)
def test_what_is_no_mask_is_refused(rle: Any) -> None:
    with pytest.raises(DataFormatError):
        decode_rle(rle, (3, 2))
