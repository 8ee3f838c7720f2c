"""An interpreter for the part of the pickle language that data files need.

A pickle is a program, and Python's own interpreter calls whatever it names. This one knows plain
Python values, numpy arrays and nothing else: every opcode, every name and every declared size is
checked before anything is built. Protocols 0 to 5, written by Python 2 or 3, numpy 1 or 2; byte
strings of Python 2 become text through latin1.
"""

import codecs
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmark.errors import DataFormatError
from benchmark.pickle_names import (
    PERMITTED_NAMES,
    PermittedName,
    build_set,
    check_key,
    refuse,
    set_array_state,
    set_dtype_state,
)

_MAX_OPEN_MARKS = 256
_MAX_INTEGER_BYTES = 64
_TRUTH_LINES = {b"01": True, b"00": False}


class PickleMachine:
    """Interprets one pickle held in memory.

    Args:
        data: the pickle.
        max_opcodes: how many opcodes it may have; bounds time and memory.
    """

    def __init__(self, data: bytes, max_opcodes: int) -> None:
        self._data = data
        self._max_opcodes = max_opcodes
        self._position = 0
        self._stack: list[Any] = []
        self._outer: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        """Interpret up to the end and return the value that is left.

        Raises:
            DataFormatError: the pickle is damaged, or holds what is not permitted; the message
                tells where.
        """
        start = 0
        try:
            for _ in range(self._max_opcodes):
                start = self._position
                code = self._data[start]
                if code == _STOP:
                    return self._stack.pop()
                self._position += 1
                _OPCODES[code](self)
        except DataFormatError as error:
            raise DataFormatError(f"byte {start}: {error}") from error
        except KeyError as error:
            code = self._data[start]
            raise DataFormatError(f"byte {start}: opcode 0x{code:02x} is not permitted") from error
        except _DAMAGE as error:
            raise DataFormatError(f"byte {start}: damaged or truncated") from error
        raise DataFormatError(f"has more than {self._max_opcodes} opcodes")

    def _take(self, count: int) -> bytes:
        end = self._position + count
        if count < 0 or end > len(self._data):
            refuse(f"declares {count} bytes, more than the file has")
        taken = self._data[self._position : end]
        self._position = end
        return taken

    def _take_sized(self, layout: struct.Struct) -> bytes:
        return self._take(self._unpack(layout))

    def _unpack(self, layout: struct.Struct) -> Any:
        (value,) = layout.unpack_from(self._data, self._position)
        self._position += layout.size
        return value

    def _take_line(self) -> bytes:
        end = self._data.index(b"\n", self._position)
        line = self._data[self._position : end]
        self._position = end + 1
        return line

    def _pop_mark(self) -> list[Any]:
        items = self._stack
        self._stack = self._outer.pop()
        return items

    def _mark(self) -> None:
        if len(self._outer) >= _MAX_OPEN_MARKS:
            refuse("is nested too deeply")
        self._outer.append(self._stack)
        self._stack = []

    def _recall(self, index: int) -> None:
        if index not in self._memo:
            refuse(f"recalls value {index}, which it never stored")
        self._stack.append(self._memo[index])

    def _remember(self, index: int) -> None:
        self._memo[index] = self._stack[-1]

    def _pop(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._pop_mark()

    def _push_integer_line(self) -> None:
        line = self._take_line()
        self._stack.append(_TRUTH_LINES[line] if line in _TRUTH_LINES else _parse_integer(line))

    def _push_integer_bytes(self, layout: struct.Struct) -> None:
        data = self._take_sized(layout)
        if len(data) > _MAX_INTEGER_BYTES:
            refuse(f"holds an integer of {len(data)} bytes")
        self._stack.append(int.from_bytes(data, "little", signed=True))

    def _push_string_line(self) -> None:
        line = self._take_line().strip()
        if len(line) < 2 or line[:1] not in b"'\"" or line[:1] != line[-1:]:
            refuse("holds a string without quotes")
        self._stack.append(codecs.escape_decode(line[1:-1])[0].decode("latin1"))

    def _append(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not list:
            refuse("appends to something else than a list")
        target.extend(items)

    def _set_items(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not dict or len(items) % 2:
            refuse("sets items of something else than a dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[check_key(key)] = value

    def _push_dictionary(self) -> None:
        items = self._pop_mark()
        self._stack.append({})
        self._set_items(items)

    def _add_items(self) -> None:
        items = self._pop_mark()
        if type(self._stack[-1]) is not set:
            refuse("adds items to something else than a set")
        self._stack[-1].update(build_set(items))

    def _push_tuple(self, count: int) -> None:
        if len(self._stack) < count:
            raise IndexError
        self._stack[-count:] = [tuple(self._stack[-count:])]

    def _push_name(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            refuse("names something by what is no text")
        if (module, name) not in PERMITTED_NAMES:
            shown = f"{module:.60}.{name:.60}".encode("unicode_escape").decode()
            refuse(f"names {shown}: a data file may hold numpy arrays and plain values")
        self._stack.append(PERMITTED_NAMES[module, name])

    def _push_stack_name(self) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self._push_name(module, name)

    def _reduce(self) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        if not isinstance(function, PermittedName) or type(arguments) is not tuple:
            refuse("calls something else than a permitted name")
        self._stack.append(function.call(*arguments))

    def _build(self) -> None:
        state, target = self._stack.pop(), self._stack[-1]
        if type(target) is np.ndarray:
            set_array_state(target, state)
        elif isinstance(target, np.dtype):
            set_dtype_state(target, state)
        else:
            refuse(f"sets the state of a {type(target).__name__}")


def _parse_integer(line: bytes) -> int:
    if len(line) > 2 * _MAX_INTEGER_BYTES:
        refuse(f"holds an integer of {len(line)} digits")
    return int(line.removesuffix(b"L"))


def _push(make: Callable[[PickleMachine], Any]) -> Callable[[PickleMachine], None]:
    def push(machine: PickleMachine) -> None:
        value = make(machine)  # before the stack is looked up: it may pop a mark
        machine._stack.append(value)

    return push


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


_STOP = ord(".")
_U1, _U2, _U4, _U8 = (struct.Struct(f"<{code}") for code in "BHIQ")
_I4, _F8 = struct.Struct("<i"), struct.Struct(">d")
_DAMAGE = (
    *(ValueError, IndexError, TypeError, AttributeError),
    *(OverflowError, MemoryError, RecursionError, struct.error),
)
_M = PickleMachine
_OPCODES: dict[int, Callable[[PickleMachine], object]] = {
    # constants and numbers
    ord("N"): _push(lambda _: None),
    0x88: _push(lambda _: True),
    0x89: _push(lambda _: False),
    ord("I"): _M._push_integer_line,
    ord("L"): _M._push_integer_line,
    ord("J"): _push(lambda m: m._unpack(_I4)),
    ord("K"): _push(lambda m: m._unpack(_U1)),
    ord("M"): _push(lambda m: m._unpack(_U2)),
    0x8A: lambda m: m._push_integer_bytes(_U1),
    0x8B: lambda m: m._push_integer_bytes(_I4),
    ord("F"): _push(lambda m: float(m._take_line())),
    ord("G"): _push(lambda m: m._unpack(_F8)),
    # text and bytes
    ord("S"): _M._push_string_line,
    ord("T"): _push(lambda m: m._take_sized(_I4).decode("latin1")),
    ord("U"): _push(lambda m: m._take_sized(_U1).decode("latin1")),
    ord("B"): _push(lambda m: m._take_sized(_U4)),
    ord("C"): _push(lambda m: m._take_sized(_U1)),
    0x8E: _push(lambda m: m._take_sized(_U8)),
    0x96: _push(lambda m: bytearray(m._take_sized(_U8))),
    ord("V"): _push(lambda m: m._take_line().decode("raw-unicode-escape")),
    0x8C: _push(lambda m: _decode(m._take_sized(_U1))),
    ord("X"): _push(lambda m: _decode(m._take_sized(_U4))),
    0x8D: _push(lambda m: _decode(m._take_sized(_U8))),
    # containers
    ord("("): _M._mark,
    ord("]"): _push(lambda _: []),
    ord("}"): _push(lambda _: {}),
    ord(")"): _push(lambda _: ()),
    0x8F: _push(lambda _: set()),
    ord("l"): _push(lambda m: m._pop_mark()),
    ord("t"): _push(lambda m: tuple(m._pop_mark())),
    ord("d"): _M._push_dictionary,
    0x91: _push(lambda m: frozenset(build_set(m._pop_mark()))),
    0x85: lambda m: m._push_tuple(1),
    0x86: lambda m: m._push_tuple(2),
    0x87: lambda m: m._push_tuple(3),
    ord("a"): lambda m: m._append([m._stack.pop()]),
    ord("e"): lambda m: m._append(m._pop_mark()),
    ord("s"): lambda m: m._set_items([m._stack.pop(), m._stack.pop()][::-1]),
    ord("u"): lambda m: m._set_items(m._pop_mark()),
    0x90: _M._add_items,
    # stack and memo
    ord("0"): _M._pop,
    ord("1"): _M._pop_mark,
    ord("2"): _push(lambda m: m._stack[-1]),
    ord("g"): lambda m: m._recall(int(m._take_line())),
    ord("h"): lambda m: m._recall(m._unpack(_U1)),
    ord("j"): lambda m: m._recall(m._unpack(_U4)),
    ord("p"): lambda m: m._remember(_parse_integer(m._take_line())),
    ord("q"): lambda m: m._remember(m._unpack(_U1)),
    ord("r"): lambda m: m._remember(m._unpack(_U4)),
    0x94: lambda m: m._remember(len(m._memo)),
    # names and calls, framing
    ord("c"): lambda m: m._push_name(m._take_line().decode(), m._take_line().decode()),
    0x93: _M._push_stack_name,
    ord("R"): _M._reduce,
    ord("b"): _M._build,
    0x80: lambda m: m._take(1),
    0x95: lambda m: m._take(8),
}
