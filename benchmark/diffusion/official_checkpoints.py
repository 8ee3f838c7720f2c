"""Checkpoints of the released GenPose code: read without running anything in them, and written."""

import io
import pickle
import warnings
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from benchmark.diffusion.checkpoints import MAX_BYTES
from benchmark.diffusion.paper import SCHEDULE, EnergyNetwork, PoseNetwork, ScoreNetwork
from benchmark.errors import DataFormatError
from benchmark.reading import read_bytes
from benchmark.training.states import write_state

_WEIGHTS_KEY = "model_state_dict"
_PARALLEL_PREFIX = "module."
_PROBES = 256

Kind = Literal["score", "energy"]
NETWORKS: dict[Kind, type[ScoreNetwork] | type[EnergyNetwork]] = {
    "score": ScoreNetwork,
    "energy": EnergyNetwork,
}


def read_official_checkpoint(path: Path) -> dict[str, Tensor]:
    """Return the network's tensors by name, floating-point ones as float32.

    Takes files of any torch version, in half or single precision, saved with or without data
    parallelism, whole checkpoints or bare state dicts.

    Raises:
        DataFormatError: no such file, not a checkpoint, or one that holds more than plain tensors
            and numbers.
    """
    content = _read_unpickled(path)
    state = content.get(_WEIGHTS_KEY, content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not state:
        raise DataFormatError(f"{path}: expected a dict with '{_WEIGHTS_KEY}', got no weights")
    return {
        str(name).removeprefix(_PARALLEL_PREFIX): _check_tensor(path, name, value)
        for name, value in state.items()
    }


def write_official_checkpoint(
    path: Path, state: dict[str, Tensor], parameters: int, *, epoch: int = 0, step: int = 0
) -> None:
    """Write a checkpoint that the released code loads, with a fresh optimiser.

    Args:
        path: file to write (`.pth`).
        state: tensors under their released names, in the released order.
        parameters: number of parameter tensors, frozen ones included.
        epoch: epochs trained.
        step: optimiser steps taken.
    """
    rate = 1e-3
    group = {"lr": rate, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "amsgrad": False}
    group |= {"maximize": False, "foreach": None, "capturable": False, "initial_lr": rate}
    content = {
        "clock": {"epoch": epoch, "minibatch": 0, "step": step},
        _WEIGHTS_KEY: dict(state),
        "optimizer_state_dict": {
            "state": {},
            "param_groups": [group | {"params": list(range(parameters))}],
        },
        "scheduler_state_dict": {
            "gamma": 0.98,
            "base_lrs": [rate],
            "last_epoch": 0,
            "_step_count": 1,
            "_last_lr": [rate],
        },
    }
    write_state(path, content)


def load_official(path: Path, kind: Kind) -> PoseNetwork:
    """Return the network of a checkpoint, for inference.

    Raises:
        DataFormatError: its tensors are not those of the released networks; see also
            `read_official_checkpoint`.
    """
    state, network = read_official_checkpoint(path), NETWORKS[kind]()
    expected = {name: value.shape for name, value in network.state_dict().items()}
    for name in [*expected, *state]:
        if name not in state or name not in expected or state[name].shape != expected[name]:
            found = tuple(state[name].shape) if name in state else "nothing"
            wanted = tuple(expected[name]) if name in expected else "nothing"
            raise DataFormatError(f"{path}: '{name}': expected {wanted}, got {found}")
    network.load_state_dict(state)
    network.eval().requires_grad_(False)
    return network


def identify_network(state: dict[str, Tensor]) -> Kind | None:
    """Tell a score network from an energy network, which have the same names and shapes.

    At the largest noise the score is -p / sigma^2 whatever the cloud. The output of a score network
    is that, times sigma; for an energy network it is the gradient of the energy that is.

    Returns:
        None if the weights do neither, as untrained ones.
    """
    t, generator = torch.tensor(1.0), torch.Generator().manual_seed(0)
    noise = torch.randn((1, _PROBES, 9), generator=generator)
    errors: dict[Kind, float] = {}
    for kind, build in NETWORKS.items():
        network = build()
        network.load_state_dict(state)
        condition = network.pose_score_net.condition(torch.zeros(1, 1024))
        sigma = SCHEDULE.sigma(t)
        score = network.eval().score(condition.detach(), sigma * noise, t)
        errors[kind] = float((sigma * score.detach() + noise).square().sum(dim=-1).mean())
    best: Kind = "score" if errors["score"] < errors["energy"] else "energy"
    return best if errors[best] < 0.5 * max(errors.values()) and errors[best] < 2 else None


def _read_unpickled(path: Path) -> Any:
    if not path.exists():
        raise DataFormatError(f"{path}: no such checkpoint: check the path")
    content = read_bytes(path, MAX_BYTES)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickle protocols, which the outcome settles
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise DataFormatError(
            f"{path}: not a checkpoint of plain tensors and numbers; nothing in it was run"
        ) from error
    except Exception as error:  # a damaged stream leads torch's reader to errors of every kind
        raise DataFormatError(f"{path}: not a readable checkpoint (truncated?)") from error


def _check_tensor(path: Path, name: object, value: object) -> Tensor:
    """Return one tensor as float32, or as it is if it counts something."""
    where = f"{path}: '{name}'"
    if not isinstance(name, str) or not isinstance(value, Tensor):
        raise DataFormatError(f"{where}: expected a named tensor, got {type(value).__name__}")
    # A view may claim any size from a few stored bytes; a contiguous tensor has all it claims.
    if value.layout != torch.strided or value.is_quantized or not value.is_contiguous():
        raise DataFormatError(f"{where}: expected a plain dense tensor")
    if not value.is_floating_point():
        return value
    if not bool(torch.isfinite(value).all()):
        raise DataFormatError(f"{where}: has values that are not finite")
    return value.float()
