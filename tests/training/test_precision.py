"""In which precision a training multiplies."""

import pytest
import torch

from benchmark.training.options import Precision
from benchmark.training.precision import choose_precision


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, torch.bfloat16),
        ({"avx512_bf16": False, "amx_bf16": True}, torch.bfloat16),
        ({"avx512_bf16": False, "avx512_f": True}, torch.float32),
        ({}, torch.float32),
    ],
)
def test_auto_takes_bfloat16_where_a_processor_multiplies_it(
    capabilities: dict[str, bool], expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert choose_precision("auto", torch.device("cpu")) is expected


def test_auto_takes_float32_where_torch_cannot_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert choose_precision("auto", torch.device("cpu")) is torch.float32


def test_auto_takes_bfloat16_on_a_gpu() -> None:
    assert choose_precision("auto", torch.device("cuda")) is torch.bfloat16


@pytest.mark.parametrize(
    ("name", "expected"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)]
)
def test_what_is_asked_for_is_taken(name: Precision, expected: torch.dtype) -> None:
    assert choose_precision(name, torch.device("cpu")) is expected
    assert choose_precision(name, torch.device("cuda")) is expected
