"""How the page looks: themes, contrast, small windows, names for those who cannot see it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

Show = Callable[..., Any]

BACKGROUND = "return getComputedStyle(document.documentElement).backgroundColor"
LOW_CONTRASTS = """
const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const toBytes = (colour) => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const luminance = (bytes) => {
  const linear = bytes.slice(0, 3).map((byte) => {
    const share = byte / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
};
const findBackground = (node) => {
  for (let at = node; at; at = at.parentElement) {
    const bytes = toBytes(getComputedStyle(at).backgroundColor);
    if (bytes[3] > 250) return bytes;
  }
  return [255, 255, 255, 255];
};
const low = new Map();
for (const node of document.querySelectorAll("body *")) {
  const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
  if (!own || !node.checkVisibility() || node.closest("svg, [aria-pressed=false]")) continue;
  const pair = [luminance(toBytes(getComputedStyle(node).color)), luminance(findBackground(node))];
  const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  if (ratio < 4.5) low.set(`${node.tagName}.${node.className} ${node.textContent}`, ratio);
}
return [...low];
"""
NAMELESS = """
const named = (node) =>
  node.textContent.trim() || node.ariaLabel || node.labels?.length || node.ariaHidden;
const kinds = "button, select, input, canvas, a, svg, dialog, nav, form, [role=region]";
const labelled = (node) => node.ariaLabel || node.getAttribute("aria-labelledby");
const found = [...document.querySelectorAll(kinds)].filter((node) => !named(node));
const pictures = [...document.querySelectorAll("svg, dialog, [role=region]")];
return [...found, ...pictures.filter((node) => !labelled(node))].map((node) => node.outerHTML);
"""


def lightness(colour: str) -> float:
    """Return the mean of a colour's parts, 0 to 255."""
    return float(np.mean([float(part) for part in colour.strip("rgba()").split(",")[:3]]))


def open_everything(page: Any) -> None:
    """Draw all figures, tables and claims, and open a failure."""
    page.open_all()
    page.search("compact-short")
    page.find("#heatmap-table td button").click()
    page.find("dialog .thumbnail").click()
    page.open_all()


def test_the_theme_follows_the_system_and_the_button(show: Show) -> None:
    light = show(scheme="light").run(BACKGROUND)
    page = show(scheme="dark")
    dark = page.run(BACKGROUND)
    assert lightness(light) > 200 > 60 > lightness(dark)
    button = page.find("#theme")
    button.click()
    assert button.text == "Light"
    assert page.run(BACKGROUND) == light
    assert show(scheme="dark").run(BACKGROUND) == light  # it is remembered
    button = page.find("#theme")
    button.click()
    assert page.run(BACKGROUND) == dark
    button.click()
    assert button.text == "Auto"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(show: Show, scheme: str) -> None:
    page = show(scheme=scheme)
    open_everything(page)
    assert page.run(LOW_CONTRASTS) == []


@pytest.mark.parametrize("width", [375, 768])
def test_nothing_is_wider_than_a_small_window(show: Show, width: int) -> None:
    page = show(width=width)
    open_everything(page)
    assert page.run("return document.documentElement.scrollWidth") <= width
    sizes = "const box = arguments[0]; return [box.scrollWidth, box.clientWidth]"
    content, room = page.run(sizes, page.find("dialog"))
    assert content <= room <= width


def test_everything_has_a_name_and_ids_are_unique(show: Show) -> None:
    page = show()
    open_everything(page)
    assert page.run(NAMELESS) == []
    ids = page.run("return [...document.querySelectorAll('[id]')].map((node) => node.id)")
    assert len(ids) == len(set(ids))


def test_on_paper_the_figures_are_drawn_and_tables_open(show: Show) -> None:
    page = show()
    page.run("window.dispatchEvent(new Event('beforeprint'))")
    page.wait_for_frame()
    assert page.find_all(".chart")
    assert page.find_all("#table-7 td")
