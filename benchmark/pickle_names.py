"""The names that a data pickle may use, and what they build: numpy arrays and plain values.

Python's own unpickler calls whatever a pickle names. Here each permitted name has a function of
ours that checks its arguments before it builds anything.
"""

import math
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from benchmark.errors import DataFormatError

_MAX_EMPTY_ARRAY = 2**24
_DTYPE = re.compile(r"[<>=|]?(?:b1|[iu][1248]|f(?:2|4|8|16)|c(?:8|16)|[SU][1-9][0-9]{0,5}|\?)")


@dataclass(frozen=True)
class PermittedName:
    """A name that a pickle may use, and what calling it does."""

    dotted: str
    call: Callable[..., Any]


def refuse(reason: str) -> NoReturn:
    """Raise the error for a pickle that is damaged or holds what is not permitted."""
    raise DataFormatError(reason)


def _build_nothing(*_: Any) -> NoReturn:
    refuse("calls numpy.ndarray itself")


def _build_empty_array(kind: Any, _shape: Any = (0,), _typecode: Any = "b") -> np.ndarray:
    if not (isinstance(kind, PermittedName) and kind.dotted == "numpy.ndarray"):
        refuse("holds a subclass of numpy arrays")
    return np.ndarray.__new__(np.ndarray, (0,), np.int8)


def _build_dtype(code: Any, *_flags: Any) -> np.dtype[Any]:
    if not isinstance(code, str) or _DTYPE.fullmatch(code) is None:
        refuse(f"holds an array of type {code!r:.40}: numbers and text are allowed")
    return np.dtype(code, copy=True)


def _build_scalar(dtype: Any, data: Any = b"") -> Any:
    return _build_from_buffer(data, dtype, (1,), "C")[0]


def _build_from_buffer(
    data: Any, dtype: Any, shape: Any, order: Any = "C", axes: Any = None
) -> np.ndarray:
    _check_layout(shape, dtype, data)
    array = np.frombuffer(bytearray(data), dtype)
    array = array.reshape(shape, order="F" if order == "F" else "C")
    return array if axes is None else array.transpose(axes)


def _encode_latin1(text: Any, encoding: Any = "latin1") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        refuse("encodes bytes by something else than latin1")
    return text.encode("latin1")


def _build_bytes(*arguments: Any) -> bytes:
    if not arguments:
        return b""
    data = arguments[0]
    return bytes(data) if isinstance(data, bytes | bytearray) else _encode_latin1(*arguments)


def build_set(items: Any = ()) -> set[Any]:
    """Return a set of items that may be keys."""
    if not isinstance(items, list | tuple):
        refuse("makes a set of something else than a list")
    return {check_key(item) for item in items}


def _build_complex(real: Any, imaginary: Any = 0.0) -> complex:
    return complex(float(real), float(imaginary))


def _permit() -> dict[tuple[str, str], PermittedName]:
    calls: dict[tuple[str, str], Callable[..., Any]] = {
        ("numpy", "ndarray"): _build_nothing,
        ("numpy", "dtype"): _build_dtype,
        ("_codecs", "encode"): _encode_latin1,
    }
    for core in ("numpy.core", "numpy._core"):
        calls[f"{core}.multiarray", "_reconstruct"] = _build_empty_array
        calls[f"{core}.multiarray", "scalar"] = _build_scalar
        calls[f"{core}.numeric", "_frombuffer"] = _build_from_buffer
    for builtins in ("builtins", "__builtin__"):
        calls[builtins, "bytes"] = _build_bytes
        calls[builtins, "bytearray"] = lambda *arguments: bytearray(_build_bytes(*arguments))
        calls[builtins, "complex"] = _build_complex
        calls[builtins, "set"] = build_set
        calls[builtins, "frozenset"] = lambda *arguments: frozenset(build_set(*arguments))
    return {key: PermittedName(".".join(key), call) for key, call in calls.items()}


PERMITTED_NAMES = _permit()


def _check_layout(shape: Any, dtype: Any, data: Any) -> None:
    """Check that an array's declared shape and type account for exactly the bytes that it has."""
    if not isinstance(dtype, np.dtype) or not isinstance(data, bytes | bytearray):
        refuse("holds an array without type or bytes")
    if not isinstance(shape, tuple) or any(type(n) is not int or n < 0 for n in shape):
        refuse("holds an array without a proper shape")
    if len(shape) > 16 or math.prod(n or 1 for n in shape) > max(len(data), _MAX_EMPTY_ARRAY):
        refuse("declares an absurdly large array")
    declared = math.prod(shape) * dtype.itemsize
    if declared != len(data):
        refuse(f"declares an array of {declared} bytes but holds {len(data)}")
    values = np.frombuffer(data, dtype)
    if dtype.kind == "b" and values.view(np.uint8).max(initial=0) > 1:
        refuse("holds truth values other than 0 and 1")
    if dtype.kind == "U" and np.any(values.view(dtype.byteorder + "u4") > sys.maxunicode):
        refuse("holds text that is no Unicode")


def check_key(key: Any) -> Any:
    """Admit keys whose hash is cheap and hard to collide."""
    if isinstance(key, str | bytes | None) or (isinstance(key, int) and abs(key) < 2**60):
        return key
    refuse(f"has a key of type {type(key).__name__}: text and integers are allowed")


def set_array_state(array: np.ndarray, state: Any) -> None:
    """Fill an array with the shape, type and bytes of its pickled state."""
    if not isinstance(state, tuple) or len(state) not in (4, 5):
        refuse("holds an array without a proper state")
    shape, dtype, is_fortran, data = state[-4:]
    if isinstance(data, str):
        data = data.encode("latin1")
    _check_layout(shape, dtype, data)
    array.__setstate__((1, shape, dtype, bool(is_fortran), bytes(data)))  # type: ignore[arg-type]


def set_dtype_state(dtype: np.dtype[Any], state: Any) -> None:
    """Give a type the byte order of its pickled state."""
    if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", ">", "=", "|"):
        refuse("holds an array type without a proper byte order")
    if any(field is not None for field in state[2:5]):
        refuse("holds an array of records: numbers and text are allowed")
    own = dtype.__reduce__()[2]
    if own[1] != "|":
        dtype.__setstate__((own[0], state[1], *own[2:]))  # type: ignore[attr-defined]
