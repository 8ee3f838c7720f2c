"""The encoder: the fast paths compute what the plain layers compute."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from benchmark.networks.pointnet2 import ENCODER_FEATURES, PointNet2, SharedLayers


def draw_encoder() -> PointNet2:
    """Return an encoder whose normalisations have learnt something."""
    torch.manual_seed(0)
    encoder = PointNet2()
    for norm in encoder.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.uniform_(norm.bias, -0.3, 0.3)
            nn.init.uniform_(norm.running_mean, -0.3, 0.3)
            nn.init.uniform_(norm.running_var, 0.5, 1.5)
    return encoder


def test_folded_layers_agree_with_convolution_and_normalisation() -> None:
    encoder = draw_encoder()
    points = 0.1 * torch.randn(3, 1024, 3) + torch.tensor([0.1, -0.2, 0.9])
    with torch.no_grad():
        folded = encoder.eval()(points)
        encoder.train()
        for norm in encoder.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.eval()  # the plain layers, but with the running statistics
        plain = encoder(points)
    assert folded.shape == (3, ENCODER_FEATURES)
    torch.testing.assert_close(folded, plain, atol=1e-5, rtol=1e-5)


def test_a_cloud_has_the_same_features_in_any_batch() -> None:
    encoder = draw_encoder().eval()
    points = 0.1 * torch.randn(5, 1024, 3)
    with torch.no_grad():
        together, alone = encoder(points), encoder(points[3:4])
    torch.testing.assert_close(together[3:4], alone, atol=1e-5, rtol=1e-5)


def draw_layers(channels: int) -> SharedLayers:
    """Return layers some of whose outputs are largest where the products are smallest."""
    torch.manual_seed(1)
    layers = SharedLayers((channels + 3, 12, 20, 24))
    for norm in layers.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.uniform_(norm.weight, -1, 1)
            nn.init.uniform_(norm.bias, -0.5, 0.5)
    return layers.train()


def train_once(
    layers: SharedLayers, offsets: Tensor, features: Tensor, rows: Tensor | None
) -> dict[str, Tensor]:
    """Return what comes out of the layers, its gradients, and the running statistics after it."""
    features = features.clone().requires_grad_()
    pooled = layers(offsets, features, rows)
    slopes = torch.linspace(-1, 1, pooled.numel(), dtype=pooled.dtype).view(pooled.shape)
    (pooled * slopes.sin()).sum().backward()
    found = {"pooled": pooled.detach(), **dict(layers.named_buffers())}
    if features.grad is not None and features.numel():
        found["features"] = features.grad
    gradients = {f"to {name}": value.grad for name, value in layers.named_parameters()}
    return found | {name: value for name, value in gradients.items() if value is not None}


@pytest.mark.parametrize("channels", [0, 5])
@pytest.mark.parametrize("is_grouped", [True, False])
def test_compiled_training_agrees_with_the_layers_one_by_one(
    *, channels: int, is_grouped: bool
) -> None:
    layers = draw_layers(channels)
    offsets = torch.randn(3, 40, 16, 3) + torch.tensor([0.0, 0.0, 3.0])
    features, rows = torch.randn(3, 50, channels), torch.randint(50, (3, 40, 16))
    rows[:, :, 9:] = rows[:, :, :1]  # as where a ball holds few points
    offsets[:, :, 9:] = offsets[:, :, :1]
    if not is_grouped:
        offsets, features = offsets.view(3, 1, -1, 3), torch.randn(3, 1, 640, channels)
    arguments = (offsets, features, rows if is_grouped else None)
    found = train_once(copy.deepcopy(layers), *arguments)
    plain = copy.deepcopy(layers).double()  # only single precision is compiled
    expected = train_once(plain, offsets.double(), features.double(), arguments[2])
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        scale = value.double().abs().max().item()
        torch.testing.assert_close(found[name].to(value), value, rtol=0, atol=2e-5 * scale)


def test_compiled_training_in_half_precision_is_close() -> None:
    layers = draw_layers(5)
    offsets, features = torch.randn(2, 40, 16, 3), torch.randn(2, 50, 5)
    rows = torch.randint(50, (2, 40, 16))
    expected = train_once(copy.deepcopy(layers), offsets, features, rows)
    with torch.autocast("cpu", torch.bfloat16):
        found = train_once(copy.deepcopy(layers), offsets, features, rows)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        # Rounding lets some maxima change hands, and with them their gradients.
        assert (found[name] - value).double().norm() <= 0.25 * value.double().norm()


def test_threads_share_the_clouds_of_a_batch(set_threads: Callable[[int], None]) -> None:
    layers = draw_layers(5)
    offsets, features = torch.randn(5, 40, 16, 3), torch.randn(5, 50, 5)
    rows = torch.randint(50, (5, 40, 16))
    found = []
    for threads in (1, 3):
        set_threads(threads)
        found.append(train_once(copy.deepcopy(layers), offsets, features, rows))
    assert torch.get_num_threads() == 3
    for name, value in found[0].items():
        torch.testing.assert_close(found[1][name], value, rtol=1e-4, atol=1e-4)
