"""In which precision a training multiplies matrices."""

import torch

from benchmark.training.options import Precision

_NATIVE_BFLOAT16 = ("avx512_bf16", "amx_bf16")


def choose_precision(wanted: Precision, device: torch.device) -> torch.dtype:
    """Return the precision of matrix products; parameters and sums are float32 in any case.

    "auto" takes bfloat16 where the device multiplies it natively, several times as fast: on GPUs,
    and on processors with the instructions for it. Elsewhere it would be emulated, and slower.
    """
    if wanted != "auto":
        return torch.float32 if wanted == "float32" else torch.bfloat16
    if device.type != "cpu":
        return torch.bfloat16
    ask = getattr(torch.cpu, "get_capabilities", None)  # younger than torch 2.6
    capabilities: dict[str, object] = ask() if ask else {}
    native = any(capabilities.get(name) for name in _NATIVE_BFLOAT16)
    return torch.bfloat16 if native else torch.float32
