"""Self-attention over a few tokens, in plain products.

`torch.nn.TransformerEncoder` would compute the same, and parameters carry its names. On a CPU, its
gradient through the fused attention costs two to nine times as much as through these products.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Transformer(nn.Module):
    """Blocks of self-attention and a two-layer network, each on normalised, residual tokens."""

    def __init__(self, width: int, *, heads: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_Block(width, heads) for _ in range(layers))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the tokens (B, T, width) after all blocks."""
        for layer in self.layers:
            tokens = layer(tokens)
        return tokens


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.self_attn = _SelfAttention(width, heads)
        self.linear1 = nn.Linear(width, 2 * width)
        self.linear2 = nn.Linear(2 * width, width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.self_attn(self.norm1(tokens))
        hidden = functional.gelu(self.linear1(self.norm2(tokens)))
        answer: Tensor = tokens + self.linear2(hidden)
        return answer


class _SelfAttention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        batch, count, width = tokens.shape
        mapped = functional.linear(tokens, self.in_proj_weight, self.in_proj_bias)
        parts = mapped.view(batch, count, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # each (B, heads, T, width / heads)
        likeness = (query * query.shape[-1] ** -0.5) @ key.mT
        gathered = likeness.softmax(dim=-1) @ value
        answer: Tensor = self.out_proj(gathered.transpose(1, 2).reshape(batch, count, width))
        return answer
