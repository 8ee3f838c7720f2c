"""A batch shared among threads on one CPU, each with gradients of its own.

Layers one after the other keep two cores busy for two thirds of the time: most operations are too
small to be shared. Parts of the batch are not.
"""

import copy
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor, nn

from benchmark.networks.cloud_sharing import use_threads
from benchmark.training.recipe import Prepared, Recipe


class Replicas:
    """Copies of a recipe whose networks have the same weights in memory.

    There is one for each of torch's threads as long as each computes whole chunks, equally many. On
    a GPU there is one alone, and where BatchNorm takes its statistics from the whole batch.
    """

    def __init__(
        self, recipe: Recipe, chunks: int, device: torch.device, precision: torch.dtype
    ) -> None:
        self._device, self._precision = device, precision
        threads = torch.get_num_threads()
        is_shared = device.type == "cpu" and not _has_batch_norm(recipe.network)
        count = max(n for n in range(1, chunks + 1) if n <= threads and chunks % n == 0)
        self._recipes = [recipe]
        if is_shared:
            self._recipes += [_copy_around_weights(recipe) for _ in range(count - 1)]
        each = threads // self.count
        self._threads = ThreadPoolExecutor(
            self.count, "replica", initializer=use_threads, initargs=(each,)
        )

    @property
    def count(self) -> int:
        """How many parts a batch is split into."""
        return len(self._recipes)

    def compute_gradients(self, prepared: Prepared) -> Tensor:
        """Set the gradients of the mean loss over a batch; return that loss, detached."""
        if self.count == 1:
            return self._compute_part(self._recipes[0], prepared)
        split = {name: value.chunk(self.count) for name, value in prepared.items()}
        parts = [{name: split[name][part] for name in split} for part in range(self.count)]
        losses = list(self._threads.map(self._compute_part, self._recipes, parts))
        for first, *others in zip(*(r.network.parameters() for r in self._recipes), strict=True):
            for other in others:
                if first.grad is not None:
                    first.grad += other.grad
        return torch.stack(losses).sum()

    def _compute_part(self, recipe: Recipe, prepared: Prepared) -> Tensor:
        """Set a replica's gradients of its part of the mean loss; return that part, detached."""
        recipe.network.zero_grad(set_to_none=True)
        is_reduced = self._precision != torch.float32
        with torch.autocast(self._device.type, torch.bfloat16, enabled=is_reduced):
            loss = recipe.compute_loss(prepared) / self.count
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()


def _has_batch_norm(network: nn.Module) -> bool:
    return any(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def _copy_around_weights(recipe: Recipe) -> Recipe:
    """Return a copy of a recipe, the parameters of its network being the same memory."""
    twin = copy.deepcopy(recipe)
    pairs = zip(recipe.network.parameters(), twin.network.parameters(), strict=True)
    for original, copied in pairs:
        copied.data = original.data
    return twin
