"""Colour images by frame id, which comes from files of strangers."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmark.errors import DataFormatError
from preprocess.colours import read_colour


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a tree with one image in it, and another one outside."""
    image = np.full((4, 4, 3), (10, 20, 30), np.uint8)
    for place in ("tree/Real/test/scene_1", "outside"):
        (tmp_path / place).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / place / "0000_color.png"), image)
    return tmp_path / "tree"


def test_a_frame_is_found_by_its_id_as_red_green_blue(tree: Path) -> None:
    assert read_colour(tree, "Real/test/scene_1/0000")[0, 0].tolist() == [30, 20, 10]


@pytest.mark.parametrize(
    "place",
    ["../../../outside/0000", "scene_1/../../../../outside/0000", "{outside}/0000", "a\0b", ""],
)
def test_no_id_leads_out_of_the_tree(tree: Path, place: str) -> None:
    outside = tree.parent / "outside"
    assert (outside / "0000_color.png").exists()
    with pytest.raises(DataFormatError, match="none of its parts"):
        read_colour(tree, f"Real/test/{place.format(outside=outside)}")
