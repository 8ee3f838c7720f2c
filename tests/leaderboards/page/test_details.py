"""The dialog behind every number, by pointer and keyboard, and the clouds in it."""

import base64
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys

Show = Callable[..., Any]

READ_CANVAS = "return document.querySelector('canvas.viewer').toDataURL()"


def count_drawn(picture: str) -> int:
    """Return how many pixels of a PNG data URI are not transparent."""
    data = np.frombuffer(base64.b64decode(picture.partition(",")[2]), np.uint8)
    return int(np.count_nonzero(cv2.imdecode(data, cv2.IMREAD_UNCHANGED)[..., 3]))


def test_every_number_opens_its_provenance_and_failures(show: Show) -> None:
    page = show()
    page.search("compact-short")
    cell = page.find("#leaderboard-table td button")
    cell.send_keys(Keys.ENTER)
    assert page.has_dialog
    assert page.find("dialog .big").text.startswith(cell.get_attribute("innerText"))
    page.open_all()
    text = page.find("dialog").text
    for expected in ("genpose/1", "a" * 64, "d" * 64, "seed", "compact-short", "bad"):
        assert expected in text
    thumbnails = page.find_all("dialog .thumbnail")
    assert len(thumbnails) == 18
    thumbnails[0].send_keys(Keys.ENTER)
    assert "Real/test/scene_" in page.find("dialog .large").text


def test_a_category_s_number_opens_its_own_failures(show: Show, blocks: dict[str, Any]) -> None:
    page = show()
    page.search("compact-short")
    page.find("#heatmap-table td:nth-child(5) button").click()
    names = [r["name"] for r in blocks["summary"]["runs"]]
    failures = blocks[f"run-{names.index('bad')}"]["failures"]
    expected = [failure["degree"] for failure in failures if failure["category"] == 3]
    shown = [text.text for text in page.find_all("dialog .thumbnail")]
    assert len(shown) == len(expected) == 3
    for text, degree in zip(shown, expected, strict=True):
        assert text.startswith("can ")
        assert float(text.split()[1].rstrip("°,")) == pytest.approx(degree, abs=0.51)


def test_keys_alone_reach_the_numbers_and_leave_the_dialog(show: Show) -> None:
    page = show()
    page.find("#leaderboard-table td button").send_keys(Keys.ARROW_RIGHT)
    page.press(Keys.ARROW_DOWN)
    label = page.focused.get_attribute("aria-label")
    assert label.startswith("5° 5 cm")
    page.press(Keys.ENTER)
    assert page.has_dialog
    for _ in range(3):
        page.press(Keys.TAB)
        inside = "return document.querySelector('dialog').contains(document.activeElement)"
        assert page.run(inside)
    page.press(Keys.ESCAPE)
    assert not page.has_dialog
    assert page.focused.get_attribute("aria-label") == label
    assert len(page.find_all("#leaderboard-table tbody button[tabindex='0']")) == 1


def test_clouds_turn_with_keys_and_pointer(show: Show) -> None:
    page = show()
    page.search("compact-short")
    page.find("#leaderboard-table td button").click()
    page.find("dialog .thumbnail").click()
    page.wait_for_frame()
    viewer = page.find("canvas.viewer")
    start = page.run(READ_CANVAS)
    assert count_drawn(start) > 500  # points and two boxes
    viewer.send_keys(Keys.ARROW_LEFT)
    turned = page.run(READ_CANVAS)
    assert turned != start
    viewer.send_keys("0")
    assert page.run(READ_CANVAS) == start
    ActionChains(page.browser).drag_and_drop_by_offset(viewer, 40, 10).perform()
    assert page.run(READ_CANVAS) not in (start, turned)


def test_clouds_are_decoded_and_turned_as_rigid_bodies(show: Show, blocks: dict[str, Any]) -> None:
    page = show()
    turn = "return makeTurn([0, 0, 1], arguments[0], arguments[1])([0.1, -0.2, 1.3])"
    assert page.run(turn, 0, 0) == pytest.approx([0.1, -0.2, 0.3])  # as the camera sees it
    assert page.run(turn, np.pi / 2, 0) == pytest.approx([0.3, -0.2, -0.1])
    assert np.linalg.norm(page.run(turn, 0.4, 1.1)) == pytest.approx(np.sqrt(0.14))
    cloud = next(b for n, b in blocks.items() if n.startswith("object-") and "cloud" in b)["cloud"]
    levels = np.frombuffer(base64.b64decode(cloud["levels"]), "<i2").reshape(-1, 3)
    decoded = page.run("return decodeCloud(arguments[0])", cloud)
    assert np.array(decoded) == pytest.approx(np.array(cloud["centre"]) + cloud["step"] * levels)


def test_boxes_have_the_corners_of_the_pose(show: Show) -> None:
    page = show()
    pose = [0, -1, 0, 1, 1, 0, 0, 2, 0, 0, 1, 3]  # a quarter turn about z, and a shift
    corners = page.run("return listCorners(arguments[0])", {"pose": pose, "size": [2, 4, 6]})
    assert sorted(corners) == sorted([x, y, z] for x in (-1, 3) for y in (1, 3) for z in (0, 6))
