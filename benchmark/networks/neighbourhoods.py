"""The neighbourhoods of a batch of clouds, in parts that stay in cache."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from benchmark.networks.cloud_sharing import share_clouds

Result = TypeVar("Result")
_CHUNK_VALUES = 2**17


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Neighbourhoods: G groups of S neighbours of N points.

    Attributes:
        rows: (G, S) int64, which of the N points each neighbour is.
        offsets: (G, S, 3) float32 of the neighbours from their centres.
        clouds: how many clouds they are of, as many of each, one cloud after the other.
        dtype: in which products are computed, and what the backward pass needs is kept.
    """

    rows: np.ndarray
    offsets: np.ndarray
    clouds: int
    dtype: torch.dtype

    @classmethod
    def build(cls, offsets: Tensor, rows: Tensor | None, points: int) -> "Groups":
        """Return the groups of all clouds of a batch, their points one after the other.

        Args:
            offsets: (B, M, S, 3).
            rows: (B, M, S) which of its cloud's points each neighbour is; None where they are
                the M S points themselves.
            points: how many a cloud has.
        """
        shape = offsets.shape[:3]
        if rows is None:
            rows = torch.arange(shape.numel())
        else:
            rows = rows + points * torch.arange(shape[0])[:, None, None]
        is_reduced = torch.is_autocast_enabled("cpu")
        return cls(
            rows=rows.view(-1, shape[2]).numpy(),
            offsets=offsets.reshape(-1, shape[2], 3).numpy(),
            clouds=shape[0],
            dtype=torch.bfloat16 if is_reduced else torch.float32,
        )

    @property
    def count(self) -> int:
        """Number of rows P = G S."""
        return self.rows.size

    def make_values(self, channels: int) -> Tensor:
        """Return room for a layer's values (P, C)."""
        return torch.empty((self.count, channels), dtype=self.dtype)

    def split(self, part: slice, channels: int) -> Iterator[tuple[slice, slice]]:
        """Yield slices of groups and of rows whose values of so many channels stay in cache."""
        size = self.rows.shape[1]
        step = max(1, _CHUNK_VALUES // (size * channels))
        for start in range(part.start, part.stop, step):
            stop = min(start + step, part.stop)
            yield slice(start, stop), slice(start * size, stop * size)

    def share(self, work: Callable[[slice], Result]) -> list[Result]:
        """Return what `work` returns for slices of the groups of whole clouds, one for a thread."""
        each = len(self.rows) // self.clouds
        return share_clouds(lambda start, stop: work(slice(start * each, stop * each)), self.clouds)
