"""`genbench import-weights`: take over checkpoints of the released GenPose code."""

from pathlib import Path
from typing import Any

import click


@click.command("import-weights")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE..."
)
@click.option(
    "--network",
    type=click.Choice(["score", "energy"]),
    help="What a single FILE holds, where that cannot be told.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write.")
def import_weights(files: tuple[Path, ...], network: str | None, out: Path | None) -> None:
    """Turn official GenPose checkpoints (.pth) into weights for --preset paper.

    Nothing in the files is executed. A score and an energy checkpoint have the same names and
    shapes; which of the two a file holds is told from what its network computes.

    \b
    genbench import-weights score.pth energy.pth --out weights
    genbench run --preset paper --weights weights
    """
    from benchmark.cli.console import get_runs_home, say, show
    from benchmark.diffusion.checkpoints import write_weights
    from benchmark.diffusion.official_checkpoints import identify_network, load_official
    from benchmark.errors import ConfigError

    if network and len(files) > 1:
        raise ConfigError("--network is for a single FILE: import the files one by one")
    folder = out or get_runs_home() / "weights-paper"
    found: dict[str, tuple[Path, dict[str, Any]]] = {}
    for file in files:
        state = load_official(file, "score").state_dict()
        kind = network or identify_network(state)
        if kind is None:
            raise ConfigError(
                f"{file}: cannot tell whether this is a score or an energy network (untrained?): "
                "say so with --network"
            )
        if kind in found:
            raise ConfigError(f"{file} and {found[kind][0]} are both {kind} networks: give one")
        found[kind] = (file, state)
    for kind, (file, state) in found.items():
        metadata = {"preset": "paper", "network": kind, "source": file.name}
        digest = write_weights(folder / f"{kind}.safetensors", state, metadata)
        say(f"{file}: {kind} network, {len(state)} tensors, sha256 {digest[:12]}")
    show(folder)
