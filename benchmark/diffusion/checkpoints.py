"""Weights on disk: genbench's own form (safetensors)."""

import hashlib
import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from benchmark.errors import DataFormatError
from benchmark.reading import read_bytes
from benchmark.replacing import replacing

MAX_BYTES = 2**30


def write_weights(path: Path, state: dict[str, Tensor], metadata: dict[str, str]) -> str:
    """Write tensors by name, with text about them; return the file's SHA-256.

    The same arguments are the same bytes: safetensors shuffles its metadata, so that ours is one
    entry, JSON.
    """
    tensors = {name: value.contiguous() for name, value in state.items()}
    content = save(tensors, {"genbench": json.dumps(metadata, sort_keys=True)})
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def read_weights(path: Path) -> tuple[dict[str, Tensor], str]:
    """Return the tensors of a safetensors file, and the file's SHA-256.

    Raises:
        DataFormatError: no such file, or not safetensors.
    """
    if not path.exists():
        raise DataFormatError(f"{path}: no such weights file: train or import weights")
    content = read_bytes(path, MAX_BYTES)
    try:
        return load(content), hashlib.sha256(content).hexdigest()
    except SafetensorError as error:
        raise DataFormatError(f"{path}: expected a safetensors file ({error})") from error
