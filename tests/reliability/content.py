"""What files of genbench hold, but for times and hardware; and whether they are whole."""

import csv
import hashlib
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import h5py
import numpy as np

from benchmark.columns import read_text
from benchmark.logs import LOG_NAME
from benchmark.predictions import read_predictions
from benchmark.shards import read_shard
from preprocess.synthetic.truth import read_truth

_TIMED_COLUMNS = {"seconds", "clouds_per_s", "hypotheses_per_s"}
_TIMED_KEYS = {"environment", "seconds"}


def list_visible(folder: Path) -> list[Path]:
    """Return the files below a folder, hidden ones and those in hidden folders left out."""
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(place, name) for name in files if not name.startswith(".")]
    return sorted(found)


def describe(folder: Path) -> dict[str, str]:
    """Return a digest of every visible file's content, times and hardware left out."""
    files = [path for path in list_visible(folder) if not path.name.startswith(LOG_NAME)]
    return {str(path.relative_to(folder)): _digest(path) for path in files}


def _digest(path: Path) -> str:
    untimed: dict[str, Callable[[Path], bytes]] = {
        "predictions.h5": _read_h5,
        "result.json": _read_json,
        "card.json": _read_json,
        "table.csv": _read_csv,
        "log.csv": _read_csv,
        "table.md": _read_markdown,
        "state.pt": _read_state,
    }
    return hashlib.sha256(untimed.get(path.name, Path.read_bytes)(path)).hexdigest()


def _read_h5(path: Path) -> bytes:
    """Return all datasets and attributes of an HDF5 file, without the times of its info."""
    parts: list[bytes] = []

    def add(name: str, item: h5py.Group | h5py.Dataset) -> None:
        attributes = {key: _forget_times(value) for key, value in sorted(item.attrs.items())}
        parts.append(f"{name} {attributes}".encode())
        if isinstance(item, h5py.Dataset):
            values = item[...]
            parts.append(
                repr(values.tolist()).encode() if values.dtype == object else bytes(values)
            )

    with h5py.File(path, "r") as file:
        add("/", file)
        file.visititems(add)
    return b"\n".join(parts)


def _forget_times(value: Any) -> Any:
    """Return an attribute; where it is a JSON object, without its times."""
    try:
        return _strip(json.loads(value))
    except (TypeError, ValueError):
        return value


def _strip(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _strip(v) for k, v in sorted(value.items()) if k not in _TIMED_KEYS}
    return [_strip(item) for item in value] if isinstance(value, list) else value


def _read_json(path: Path) -> bytes:
    return json.dumps(_strip(json.loads(path.read_bytes()))).encode()


def _read_csv(path: Path) -> bytes:
    rows = [
        {name: value for name, value in row.items() if name not in _TIMED_COLUMNS}
        for row in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
    ]
    return json.dumps(rows).encode()


def _read_markdown(path: Path) -> bytes:
    """Return a table of one protocol without the cell that says how fast the run was."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line.rpartition("| ")[0] or line for line in lines).encode()


def _read_state(path: Path) -> bytes:
    import torch

    state = torch.load(path, weights_only=True)
    return repr(_list_values(_strip(state))).encode()


def _list_values(value: Any) -> Any:
    import torch

    if isinstance(value, torch.Tensor):
        return hashlib.sha256(value.contiguous().numpy().tobytes()).hexdigest()
    if isinstance(value, dict):
        return {key: _list_values(item) for key, item in value.items()}
    return [_list_values(item) for item in value] if isinstance(value, list | tuple) else value


def check_whole(path: Path) -> None:
    """Raise whatever reading `path` to its end raises.

    Images and annotations of synth6 have no reader here: they must appear with their whole tree.
    """
    readers: dict[str, Callable[[Path], Any]] = {
        ".h5": _read_whole_h5,
        ".json": lambda path: json.loads(path.read_bytes()),
        ".csv": _check_lines,
        ".md": _check_lines,
        ".log": _check_lines,
        ".svg": ElementTree.parse,
        ".npz": _read_npz,
        ".pt": _read_state,
        ".safetensors": _read_safetensors,
    }
    readers.get(path.suffix, Path.read_bytes)(path)


def _read_whole_h5(path: Path) -> None:
    with h5py.File(path, "r") as file:
        form = read_text(file, "format")
    readers = {"genbench-shard": read_shard, "genbench-predictions": read_predictions}
    readers.get(form, read_truth)(path)


def _check_lines(path: Path) -> None:
    """Check that a file ends with a line; a log grows by lines, from none."""
    content = path.read_bytes()
    if not content.endswith(b"\n") and (content or path.stem not in ("log", "genbench")):
        raise ValueError(f"{path}: ends within a line")


def _read_npz(path: Path) -> None:
    with np.load(path) as arrays:
        for name in arrays.files:
            arrays[name]


def _read_safetensors(path: Path) -> None:
    from benchmark.diffusion.checkpoints import read_weights

    read_weights(path)
