"""The encoder: the fast path for inference computes what the plain layers compute."""

import torch
from torch import nn

from benchmark.networks.pointnet2 import ENCODER_FEATURES, PointNet2


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
