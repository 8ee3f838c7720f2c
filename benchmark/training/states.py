"""What torch saves, as a file that is whole or not there."""

import io
from pathlib import Path
from typing import Any

import torch

from benchmark.replacing import replacing


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Write tensors and plain values in torch's own form.

    Raises:
        OSError: it could not be written; torch itself has another error for a full disk.
    """
    content = io.BytesIO()
    torch.save(state, content)
    with replacing(path) as temporary:
        temporary.write_bytes(content.getbuffer())
