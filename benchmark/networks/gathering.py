"""Rows of batched tensors."""

import torch
from torch import Tensor


def gather_rows(values: Tensor, rows: Tensor) -> Tensor:
    """Return values (B, N, C) at the row indices (B, ...), as (B, ..., C)."""
    first = torch.arange(len(values), device=values.device) * values.shape[1]
    flat = rows + first.view(-1, *[1] * (rows.dim() - 1))
    picked = torch.flatten(values, 0, 1).index_select(0, flat.reshape(-1))
    return picked.view(*rows.shape, values.shape[-1])
