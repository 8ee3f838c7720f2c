"""Surface colours of synth6: plain, dark, banded, and with a label."""

from dataclasses import replace

import numpy as np

from preprocess.synthetic.shapes.mesh import Mesh


def sample_colour(rng: np.random.Generator, *, dark: float = 0.12) -> np.ndarray:
    """Draw an RGB colour (3,) uint8, nearly black with probability `dark`."""
    if rng.random() < dark:
        return rng.integers(12, 46, 3).astype(np.uint8)
    grey = rng.uniform(60, 235)
    tint = rng.uniform(-1, 1, 3) * rng.choice([8, 90])
    colour: np.ndarray = np.clip(grey + tint, 40, 250).astype(np.uint8)
    return colour


def paint_bands(mesh: Mesh, rng: np.random.Generator, *, bands: int = 3) -> Mesh:
    """Colour horizontal bands at random heights, and often a label on one side.

    Args:
        mesh: any mesh with y up.
        rng: random stream.
        bands: largest number of bands.
    """
    centres = mesh.vertices[mesh.faces].mean(axis=1)
    low, high = mesh.vertices[:, 1].min(), mesh.vertices[:, 1].max()
    cuts = np.sort(rng.uniform(low, high, rng.integers(0, bands)))
    palette = np.array([sample_colour(rng) for _ in range(len(cuts) + 1)])
    albedo = palette[np.searchsorted(cuts, centres[:, 1])]
    if rng.random() < 0.5:
        albedo[_select_label(centres, low, high, rng)] = sample_colour(rng, dark=0.3)
    return replace(mesh, albedo=albedo)


def _select_label(
    centres: np.ndarray, low: float, high: float, rng: np.random.Generator
) -> np.ndarray:
    """Return the mask (F,) of faces within a random window of height and heading."""
    middle, span = rng.uniform(0.3, 0.7), rng.uniform(0.1, 0.3)
    height = (centres[:, 1] - low) / (high - low)
    heading = np.angle(np.exp(1j * (np.arctan2(centres[:, 2], centres[:, 0]) - rng.uniform(0, 7))))
    chosen: np.ndarray = (np.abs(height - middle) < span) & (np.abs(heading) < rng.uniform(0.4, 2))
    return chosen
