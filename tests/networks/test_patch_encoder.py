"""The patch encoder against the same network written out in torch's own layers."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from benchmark.diffusion.compact import GroupedClouds
from benchmark.networks.gathering import gather_rows
from benchmark.networks.patch_encoder import PatchEncoder
from benchmark.networks.patch_kernels import pool_rows_compiled
from benchmark.networks.patch_pooling import (
    max_over_neighbours,
    pool_patches,
    pool_patches_in_layers,
)

WIDTH = 160


@pytest.fixture(autouse=True, params=[1, 2, 3])
def threads(request: pytest.FixtureRequest, set_threads: Callable[[int], None]) -> None:
    set_threads(request.param)


def make_clouds(count: int) -> GroupedClouds:
    generator = torch.Generator().manual_seed(0)
    points = 0.05 * torch.randn((count, 1024, 3), generator=generator)
    return GroupedClouds.build(points + torch.tensor([0.1, 0.0, 1.0]))


def embed_plainly(encoder: PatchEncoder, clouds: GroupedClouds, attention: nn.Module) -> Tensor:
    """Return the encoder's features, every layer applied to every neighbour."""
    points = clouds.points
    centres = gather_rows(points, clouds.centres)
    patches = gather_rows(points, clouds.neighbours)
    inputs = torch.cat([4 * (patches - centres[:, :, None]), patches], dim=-1)
    fine = encoder.fine_outer(encoder.fine_inner(inputs).relu()).amax(dim=2).relu()
    fine = encoder.fine_norm(fine)
    tokens = centres[:, : encoder.TOKENS]
    offsets = gather_rows(centres, clouds.coarse) - tokens[:, :, None]
    coarse = gather_rows(encoder.coarse_feature(fine), clouds.coarse)
    pooled = (coarse + encoder.coarse_offset(offsets)).amax(dim=2).relu()
    seen = attention(pooled + encoder.place(tokens))
    features: Tensor = encoder.summary(torch.cat([seen.amax(dim=1), seen.mean(dim=1)], dim=-1))
    return features


def make_attention(encoder: PatchEncoder) -> nn.Module:
    """Return torch's own transformer with the encoder's parameters."""
    layer = nn.TransformerEncoderLayer(
        WIDTH, 4, 2 * WIDTH, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    attention = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    attention.load_state_dict(encoder.attention.state_dict())
    return attention


def test_features_and_gradients_are_those_of_the_layers_written_out() -> None:
    torch.manual_seed(0)
    encoder, clouds = PatchEncoder(), make_clouds(3)
    attention = make_attention(encoder)
    ours = encoder(clouds.points, clouds.centres, clouds.neighbours, clouds.coarse)
    plain = embed_plainly(encoder, clouds, attention)
    torch.testing.assert_close(ours, plain, atol=2e-5, rtol=1e-4)
    weights = torch.randn(ours.shape)
    (ours * weights).sum().backward()
    found = {name: value.grad for name, value in encoder.named_parameters()}
    encoder.zero_grad(set_to_none=True)
    (plain * weights).sum().backward()
    expected = {name: value.grad for name, value in encoder.named_parameters()}
    expected |= {f"attention.{name}": value.grad for name, value in attention.named_parameters()}
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert gradient is not None
        largest = float(gradient.abs().max())
        torch.testing.assert_close(found[name], gradient, atol=1e-4 * largest, rtol=1e-3)


def test_pooling_in_layers_is_the_compiled_one() -> None:
    """What runs on a GPU, run on the CPU."""
    torch.manual_seed(1)
    clouds = make_clouds(2)
    centres = gather_rows(clouds.points, clouds.centres)
    inner = (torch.randn(8, 3), torch.randn(8, 3), torch.randn(8))
    outer = (torch.randn(5, 8), torch.randn(5))
    for value in (*inner, *outer):
        value.requires_grad_()
    compiled, layers = (
        pool(clouds.points, centres, clouds.neighbours, inner, outer)
        for pool in (pool_patches, pool_patches_in_layers)
    )
    torch.testing.assert_close(compiled, layers)
    weights = torch.randn(compiled.shape)
    for found, expected in zip(
        *(torch.autograd.grad(pooled, (*inner, *outer), weights) for pooled in (compiled, layers)),
        strict=True,
    ):
        torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-4)


def test_the_first_of_equal_rows_gets_the_gradient() -> None:
    values = torch.tensor([[[1.0], [3.0], [3.0], [2.0]]], requires_grad=True)
    rows = torch.tensor([[[0, 2, 1, 3], [3, 0, 0, 3]]])
    pooled = pool_rows_compiled(values, rows)
    torch.testing.assert_close(pooled, torch.tensor([[[3.0], [2.0]]]))
    (gradient,) = torch.autograd.grad(pooled.sum(), values)
    torch.testing.assert_close(gradient, torch.tensor([[[0.0], [0.0], [1.0], [1.0]]]))


def test_row_maxima_and_their_gradients_are_those_of_torch() -> None:
    torch.manual_seed(2)
    values = torch.randn(5, 30, 7, requires_grad=True)
    rows = torch.stack([torch.randperm(30)[:16] for _ in range(5 * 9)]).view(5, 9, 16)
    compiled, layers = (
        pool_rows_compiled(values, rows),
        max_over_neighbours(gather_rows(values, rows)),
    )
    assert torch.equal(compiled, layers)
    weights = torch.randn(compiled.shape)
    found, expected = (
        torch.autograd.grad(pooled, values, weights)[0] for pooled in (compiled, layers)
    )
    torch.testing.assert_close(found, expected)
