"""Networks that the benchmarks of sampling and training share."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmark.diffusion.denoiser import PoseModel
from benchmark.diffusion.official_checkpoints import read_official_checkpoint
from benchmark.diffusion.paper import EnergyNetwork, PaperModel, PoseNetwork, ScoreNetwork
from benchmark.diffusion.presets import PRESETS

GOLDEN = Path(__file__).resolve().parents[3] / "shared" / "golden"


def load_model(preset: str, weights: Path | None = None, golden: Path = GOLDEN) -> PoseModel[Any]:
    """Return a preset's networks for inference on the CPU.

    The paper preset ships no weights: without a folder of some it gets those of the golden set,
    whose heads were fitted for a minute, or random ones where that is absent. Speed does not depend
    on them, accuracy does.
    """
    if preset != "paper" or weights is not None:
        chosen = PRESETS[preset]
        return chosen.load(chosen.find_weights(weights).folder, torch.device("cpu"))[0]
    torch.manual_seed(0)
    score, energy = ScoreNetwork(), EnergyNetwork()
    folder = golden / "network"
    if folder.is_dir():
        for network, name in ((score, "score"), (energy, "energy")):
            network.load_state_dict(read_official_checkpoint(folder / f"{name}_ckpt.pth"))
        heads = read_official_checkpoint(folder / "score_fit_heads.pth")
        score.load_state_dict(heads, strict=False)
    else:
        _draw_last_layers(score)
        _draw_last_layers(energy)
    for network in (score, energy):
        network.eval().requires_grad_(False)
    return PaperModel(score=score, energy=energy)


def _draw_last_layers(network: PoseNetwork) -> None:
    """Give the last layers small random weights, which are zero in a new network."""
    for name, module in network.pose_score_net.named_children():
        if name.startswith("fusion_tail") and isinstance(module, nn.Sequential):
            nn.init.normal_(module[-1].weight, std=0.01)
