"""Which detections are matched at which thresholds, a bit each.

An evaluation has a thousand thresholds and, perhaps, millions of detections; written out, the
matches would be most of its memory.
"""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Matches:
    """Whether each detection is matched, at every threshold.

    Attributes:
        bits: (D, bytes) uint8; the thresholds of a detection in C order, the first in the lowest
            bit of the first byte.
        shape: of the thresholds, (101,) or (degrees, shifts).
    """

    bits: np.ndarray
    shape: tuple[int, ...]

    @classmethod
    def make(cls, detections: int, shape: tuple[int, ...]) -> "Matches":
        """Make room for the matches of so many detections."""
        return cls(bits=np.zeros((detections, -(-math.prod(shape) // 8)), np.uint8), shape=shape)

    @property
    def thresholds(self) -> int:
        """How many thresholds there are."""
        return math.prod(self.shape)

    def store(self, rows: slice, partner: np.ndarray) -> None:
        """Keep whether some detections are matched.

        Args:
            rows: which detections, n.
            partner: (n, *shape), negative where a detection is not matched.
        """
        found = (partner >= 0).reshape(len(partner), self.thresholds)
        self.bits[rows] = np.packbits(found, axis=1, bitorder="little")

    def at(self, *place: int) -> np.ndarray:
        """Return (D,) bool, whether each detection is matched at one threshold."""
        byte, bit = divmod(int(np.ravel_multi_index(place, self.shape)), 8)
        return np.asarray(self.bits[:, byte] >> bit & 1, bool)
