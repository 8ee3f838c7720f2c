"""`genbench export-weights`: write weights of preset paper as the released code reads them."""

from pathlib import Path

import click


@click.command("export-weights")
@click.argument("weights", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def export_weights(weights: Path, out: Path) -> None:
    """Write WEIGHTS (score.safetensors or energy.safetensors of preset paper) to OUT (.pth).

    The names, shapes and keys are those of the released checkpoints; the optimiser is a fresh one.
    """
    import torch

    from benchmark.cli.console import say
    from benchmark.diffusion.official_checkpoints import write_official_checkpoint
    from benchmark.diffusion.paper import ScoreNetwork
    from benchmark.diffusion.presets import load_network

    network = ScoreNetwork()  # an energy network has the same tensors
    load_network(network, weights, torch.device("cpu"))
    count = len(list(network.parameters()))
    write_official_checkpoint(out, network.state_dict(), count)
    say(f"{out}: {count} parameter tensors")
