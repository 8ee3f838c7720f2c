"""A small scene with known poses, and a writer of pickles."""

import gzip
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from benchmark.predictions import Predictions


@dataclass(frozen=True)
class Known:
    """Poses of some objects in one image, in OpenCV's camera frame and metres."""

    category: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    size: np.ndarray
    bbox: np.ndarray
    confidence: np.ndarray

    def transform(self) -> np.ndarray:
        """Return unit transforms (N, 4, 4)."""
        transform = np.tile(np.eye(4), (len(self.category), 1, 1))
        transform[:, :3, :3] = self.rotation
        transform[:, :3, 3] = self.translation
        return transform

    def similarity(self) -> tuple[np.ndarray, np.ndarray]:
        """Return transforms with the NOCS diagonal as scale, and unit-diagonal extents."""
        diagonal = np.linalg.norm(self.size, axis=1)
        transform = self.transform()
        transform[:, :3, :3] *= diagonal[:, None, None]
        return transform, self.size / diagonal[:, None]


def make_known(seed: int, rows: int) -> Known:
    """Draw poses in front of the camera."""
    rng = np.random.default_rng(seed)
    return Known(
        category=rng.integers(1, 7, rows),
        rotation=Rotation.random(rows, random_state=rng).as_matrix(),
        translation=rng.uniform([-0.4, -0.3, 0.6], [0.4, 0.3, 1.5], (rows, 3)),
        size=rng.uniform(0.05, 0.3, (rows, 3)),
        bbox=np.sort(rng.integers(0, 480, (rows, 4)), axis=1),
        confidence=rng.uniform(0.5, 1, rows).astype(np.float32),
    )


@pytest.fixture
def known() -> Known:
    """Return what a method is to have predicted."""
    return make_known(1, 5)


@pytest.fixture
def true() -> Known:
    """Return what is really there."""
    return make_known(2, 4)


Write = Callable[[str, Any], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that pickles a value, gzipped where the name ends in .gz."""

    def write_value(name: str, value: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = value.encode() if isinstance(value, str) else pickle.dumps(value, protocol=2)
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write_value


@pytest.fixture
def assert_poses() -> Callable[..., None]:
    """Return a check that estimates (or annotations) are the known poses."""

    def check(table: Any, known: Known, *, tolerance: float = 1e-12, sized: bool = True) -> None:
        scale = np.cbrt(np.linalg.det(table.transform[:, :3, :3]))
        rotation = table.transform[:, :3, :3] / scale[:, None, None]
        np.testing.assert_allclose(rotation, known.rotation, rtol=0, atol=tolerance)
        np.testing.assert_allclose(
            table.transform[:, :3, 3], known.translation, rtol=0, atol=tolerance
        )
        if sized:
            size = scale[:, None] * table.extents
            np.testing.assert_allclose(size, known.size, rtol=0, atol=tolerance)

    return check


@pytest.fixture
def summarise() -> Callable[[Predictions], str]:
    """Return a function that joins the assumptions of predictions into one text."""
    return lambda predictions: "; ".join(predictions.info.assumptions)
