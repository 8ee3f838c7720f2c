"""Several processes that train together (torchrun): who does what, and sums over all of them."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.distributed
from torch import Tensor, nn

from benchmark.errors import ConfigError


def is_first_process() -> bool:
    """Tell whether this is the only process, or the first of those that torchrun started."""
    return int(os.environ.get("RANK", "0")) == 0


@dataclass(frozen=True, kw_only=True)
class Processes:
    """This process among those that torchrun started; a single one without torchrun.

    Attributes:
        rank: number of this process.
        count: how many there are.
        device: where this process computes.
    """

    rank: int
    count: int
    device: torch.device

    @classmethod
    def join(cls, device: str) -> "Processes":
        """Join the process group that torchrun's environment variables describe, if any.

        Args:
            device: "cpu", "cuda", or "auto" for a GPU where there is one.
        """
        kind = device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
        count = int(os.environ.get("WORLD_SIZE", "1"))
        if count == 1:
            return cls(rank=0, count=1, device=torch.device(kind))
        if not torch.distributed.is_initialized():
            torch.distributed.init_process_group("nccl" if kind == "cuda" else "gloo")
        local = int(os.environ.get("LOCAL_RANK", "0"))
        place = torch.device(kind, local) if kind == "cuda" else torch.device(kind)
        return cls(rank=torch.distributed.get_rank(), count=count, device=place)

    @property
    def is_first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def share(self, chunks: int) -> range:
        """Return which chunks of a batch this process computes.

        Raises:
            ConfigError: the chunks cannot be shared equally.
        """
        if chunks % self.count:
            raise ConfigError(
                f"{chunks} chunks of a batch cannot be shared by {self.count} processes"
            )
        each = chunks // self.count
        return range(self.rank * each, (self.rank + 1) * each)

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its mean over the processes."""
        if self.count == 1:
            return
        gradients = [value.grad for value in parameters if value.grad is not None]
        joined = torch.cat([gradient.flatten() for gradient in gradients])
        torch.distributed.all_reduce(joined)  # one message instead of one a parameter
        joined /= self.count
        parts = torch.split(joined, [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def average(self, value: Tensor) -> float:
        """Return the mean of a number over the processes."""
        if self.count > 1:
            value = value.clone()
            torch.distributed.all_reduce(value)
        return float(value) / self.count
