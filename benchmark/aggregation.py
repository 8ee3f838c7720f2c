"""Ranking and pooling of pose hypotheses: K sampled poses of a detection become one.

Rotations and translations have an energy each, so they may be ranked apart ("separate", as
GenPose's released code does) or together by the sum ("joint", as the paper says).
"""

from typing import Literal

import numpy as np

from benchmark.errors import ConfigError
from benchmark.geometry.rotations import average_rotations

Ranking = Literal["separate", "joint"]
Pooling = Literal["average", "nearest"]


def rank_hypotheses(energies: np.ndarray, ranking: Ranking = "separate") -> np.ndarray:
    """Return the order (..., K, 2) of hypotheses by descending energy; ties keep draw order.

    Args:
        energies: (..., K, 2) rotation and translation energy, larger is likelier.
        ranking: "separate" sorts either column by itself (released code); "joint" sorts both by
            the sum (the paper's single energy).
    """
    if ranking == "joint":
        energies = np.broadcast_to(energies.sum(axis=-1, keepdims=True), energies.shape)
    return np.argsort(-energies, axis=-2, kind="stable")


def check_keep(keep: float) -> None:
    """Check the fraction of hypotheses to keep.

    Raises:
        ConfigError: it is not above 0 and at most 1.
    """
    if not 0 < keep <= 1:
        raise ConfigError(f"keep must be above 0 and at most 1, got {keep}")


def count_kept(hypotheses: int, keep: float) -> int:
    """Return how many of K hypotheses are kept: the product truncated, and at least one."""
    return max(1, int(hypotheses * keep))


def select_hypotheses(
    rotation: np.ndarray, translation: np.ndarray, order: np.ndarray, kept: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the first `kept` rotations (..., M, 3, 3) and translations (..., M, 3) in `order`.

    Args:
        rotation: (..., K, 3, 3).
        translation: (..., K, 3).
        order: (..., K, 2) as `rank_hypotheses` gives it.
        kept: M.
    """
    return (
        _take(rotation, order[..., :kept, 0], (3, 3)),
        _take(translation, order[..., :kept, 1], (3,)),
    )


def _take(values: np.ndarray, rows: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return values (..., M, *shape) by index (..., M) into (..., K, *shape).

    Several times as fast as numpy's take_along_axis, which indexes every single number.
    """
    count = values.shape[-1 - len(shape)]
    batch = np.arange(rows.size // rows.shape[-1]).reshape(*rows.shape[:-1], 1)
    flat = values.reshape(-1, *shape)
    return np.asarray(flat.take(batch * count + rows, axis=0))


def pool_average(rotation: np.ndarray, translation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the average rotation (..., 3, 3) and mean translation (..., 3) of M hypotheses.

    Source: GenPose, eq. 9.
    """
    return average_rotations(rotation), translation.astype(np.float64).mean(axis=-2)


def pool_ranked(
    rotation: np.ndarray,
    translation: np.ndarray,
    energies: np.ndarray | None,
    *,
    keep: float = 0.6,
    ranking: Ranking = "separate",
) -> tuple[np.ndarray, np.ndarray]:
    """Rank, keep the best and average them: what GenPose reports as its estimate.

    Args:
        rotation: (..., K, 3, 3), object to camera.
        translation: (..., K, 3), metres.
        energies: (..., K, 2); None averages all hypotheses.
        keep: fraction kept (delta of the paper).
        ranking: see `rank_hypotheses`.

    Returns:
        Rotations (..., 3, 3) and translations (..., 3), float64.
    """
    if energies is not None:
        order = rank_hypotheses(energies, ranking)
        kept = count_kept(rotation.shape[-3], keep)
        rotation, translation = select_hypotheses(rotation, translation, order, kept)
    return pool_average(rotation, translation)
